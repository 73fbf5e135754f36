"""Joins the stages: fetch, decode, embed, commit, index; bounded streams between them.

frontier ─▶ Scheduler ─▶ fetch ─▶ decode ─▶ embed ─▶ Committer ─▶ catalog, index, events
                          expand ─▶ frontier
"""

from artalike.pipeline.pipeline import Pipeline, Rooms

__all__ = ["Pipeline", "Rooms"]
