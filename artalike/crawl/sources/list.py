"""Lists of addresses: text, CSV, TSV, JSON Lines and Parquet, packed with gzip or not, however long."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from artalike.config import Settings
from artalike.crawl import urls
from artalike.crawl.sources import rows
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.batches import Step, in_batches
from artalike.crawl.sources.columns import Columns
from artalike.crawl.sources.content import head
from artalike.crawl.sources.local import existing
from artalike.crawl.sources.options import Options
from artalike.records import Task


class ListSource:
    """A picture a row. The cursor is the number of the last row found; rows that are none are found, too, and fail."""

    kind = "list"
    looks_like = "a .txt, .csv, .tsv, .jsonl or .parquet file or its address, also .gz"
    yields = "a picture a row, with what its columns say of it"
    takes = ("url_col", "caption_col", "save_additional_columns")
    schemes = ("http", "https", "file")

    def match(self, text: str) -> str | None:
        path = existing(text)
        if path is not None:
            return urls.from_path(path) if path.is_file() and rows.format_of_name(path.name) else None
        url = urls.web(text)
        return url if url is not None and rows.format_of_name(url) else None

    def recognizes(self, document: Document) -> bool:
        return rows.format_of_document(document.content_type, head(document)) is not None

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        # A local list is read as it is used: it may be larger than memory.
        document = Document(task.url, b"") if urls.is_local(task.url) else await reach.document(task.url)
        async with aclosing(in_batches(_steps(task, document, reach.settings))) as batches:
            async for found in batches:
                yield found


def _steps(task: Task, document: Document, settings: Settings) -> Iterator[Step]:
    columns = Columns(Options.of(task.options), document.url)
    local = urls.is_local(document.url)
    limit = None if local else settings.download.max_document_bytes
    done = int(task.cursor or 0)
    for number, row in rows.read(document, None if local else document.data, columns, limit=limit, skip=done):
        yield columns.candidate(row, number), str(number)
