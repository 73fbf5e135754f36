"""Which part of the work a process does, where several share one catalog."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a process is for."""

    ALL = "all"
    """Both, in one process."""
    WEB = "web"
    """Gallery, API and admin."""
    CRAWL = "crawl"
    """Ingest. It answers what those ask who watch over processes, and nothing else."""

    @property
    def answers(self) -> bool:
        """Whether visitors are answered."""
        return self is not Role.CRAWL

    @property
    def crawls(self) -> bool:
        """Whether pictures are brought in."""
        return self is not Role.WEB
