"""All pictures laid out by likeness in two dimensions."""
