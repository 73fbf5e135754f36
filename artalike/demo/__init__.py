"""A self-made collection, and a museum on this machine that serves it: the first minute needs no network."""
