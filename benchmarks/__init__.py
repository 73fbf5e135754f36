"""Measurements: `python -m benchmarks.NAME`. A table for people, then one JSON object as the last line."""
