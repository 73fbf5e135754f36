"""The server's side of the gallery: HTTP API, admin, events and pages."""
