"""Moves a collection to another model while the old one keeps answering; see :mod:`artalike.reembed.move`."""
