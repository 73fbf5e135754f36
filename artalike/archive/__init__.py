"""A collection as files that other programs read too: out of one data folder, and into another."""
