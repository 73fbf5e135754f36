"""Ingest by many processes at once, placed by Ray on the machines of a cluster."""
