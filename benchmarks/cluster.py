"""The engines of a cluster beside the embedded ones, in one run, on this machine.

    python -m benchmarks.cluster --size 100000 --dim 512 --pictures 1200

**Search.** The same vectors go into Milvus and into FAISS, and when both have made their indexes the same questions go
to each in turn, one at a time, for ten neighbours and for as many as a gallery asks for. ``same_top_10`` is the share
of FAISS's first ten that Milvus finds too; the recalls are of the exact ten nearest.

**Workers.** Sites on loopback are crawled by one process with everything embedded (SQLite, FAISS, files), and by one,
two, three ``serve --role crawl`` that share PostgreSQL, Milvus and object storage; in turn, medians of the rounds.
``cpu_ratio`` is what a picture costs the most workers in CPU seconds, over what it costs the one process; the engines
come on top, and are in ``all_cpu_s`` with the sites. A network that costs next to nothing shows what lies around it.

The engines are started as the tests start them (``make test-cluster`` installs them).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from artalike.errors import ArtalikeError
from artalike.storage.memory import share_one_heap
from benchmarks import cluster_search, cluster_workers
from benchmarks.report import refuse, report
from tests.cluster import milvus

PARTS: Final = ("search", "workers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--uri", help="a Milvus that runs already, for the searches")
    parser.add_argument("--size", type=int, default=100_000, help="vectors")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--pictures", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    share_one_heap()  # as the server does
    summary: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            if "search" in options.parts:
                with _milvus(Path(folder) / "searched", options.uri) as uri:
                    rows, figures = asyncio.run(cluster_search.compare(uri, options.size, options.dim, options.queries))
                report(f"{options.size} vectors of {options.dim} numbers", rows, figures)
                summary |= figures
            if "workers" in options.parts:
                rows, figures = cluster_workers.compare(Path(folder), options.workers, options.pictures, options.rounds)
                report(f"{options.pictures} pictures, {options.rounds} rounds", rows, figures)
                summary |= figures
    except ArtalikeError as error:
        refuse(str(error))
    report("", [], summary)


@contextmanager
def _milvus(folder: Path, uri: str | None) -> Iterator[str]:
    if uri is not None:
        yield uri
        return
    if reason := milvus.why_not("milvus"):
        refuse(reason)
    server = milvus.MilvusServer(folder, lite=False)
    try:
        server.start()
        yield server.uri
    finally:
        server.stop()


if __name__ == "__main__":
    main()
