"""Artalike finds pictures that look alike."""

__version__ = "0.1.0"
