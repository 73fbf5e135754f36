"""Which part of the work a process does, where several share one collection."""

from __future__ import annotations

from enum import StrEnum

from artalike.config import Settings
from artalike.errors import SettingError


class Role(StrEnum):
    """What a process is for, as ``server.role`` has it."""

    ALL = "all"
    """Everything, in one process that has the collection to itself."""
    WEB = "web"
    """Gallery, API and admin."""
    CRAWL = "crawl"
    """Ingest. It answers what those ask who watch over processes, and nothing else."""

    @classmethod
    def of(cls, settings: Settings) -> Role:
        return cls(settings.server.role)

    @property
    def answers(self) -> bool:
        """Whether visitors are answered."""
        return self is not Role.CRAWL

    @property
    def crawls(self) -> bool:
        """Whether pictures are brought in."""
        return self is not Role.WEB

    @property
    def shares(self) -> bool:
        """Whether others work on the collection beside this process."""
        return self is not Role.ALL


def check(settings: Settings) -> None:
    """Raises SettingError where ``server.role`` needs what the other settings do not give."""
    if not Role.of(settings).shares:
        return
    role = f"server.role = {settings.server.role!r} (--role)"
    if not settings.storage.catalog:
        raise SettingError(
            f"{role}: SQLite is for one process, which is all; "
            "expected storage.catalog = postgresql://user@host/database"
        )
    if settings.index.engine != "milvus":
        raise SettingError(
            f"{role}: the index of index.engine = {settings.index.engine!r} is of one process, which is all; "
            "expected index.engine = 'milvus'"
        )
    if not settings.storage.thumbnails:
        raise SettingError(
            f"{role}: thumbnails in the data folder are of one process, which is all; "
            "expected storage.thumbnails = s3://bucket"
        )
