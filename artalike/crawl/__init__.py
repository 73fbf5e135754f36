"""Getting bytes from the web and from this machine, politely, and finding pictures in them."""
