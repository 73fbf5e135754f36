from __future__ import annotations

from pathlib import Path

from artalike.storage.catalog import Database
from artalike.storage.images import Images
from benchmarks import serve as benchmark
from benchmarks.tiny import CARD
from tests.fakes import make_services
from tests.web.conftest import Serve, serve

__all__ = ["serve"]


async def test_the_collection_holds_as_many_images_as_were_asked_for(tmp_path: Path) -> None:
    await benchmark._fill(tmp_path, benchmark.BATCH + 5)
    async with Database.open(tmp_path / "catalog.sqlite3") as database:
        images = await Images.open(database, CARD.model_id, CARD.dimension)
        assert images.counts.images == len(await images.embedded_ids()) == benchmark.BATCH + 5


async def test_a_fixed_rate_is_kept_and_answers_other_than_200_are_errors(serve: Serve) -> None:
    client = await serve(make_services(20))
    for kind in benchmark.KINDS:
        figures = await benchmark._load(str(client.make_url("/")), kind, 20, 40, 0.5)
        assert (figures["requests"], figures["errors"]) == (20, 0)
        assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    figures = await benchmark._load(str(client.make_url("/")), "search", 2000, 40, 0.5)
    assert figures["errors"] > 0


async def test_at_full_speed_clients_ask_for_as_long_as_they_are_told(serve: Serve) -> None:
    client = await serve(make_services(20))
    figures = await benchmark._load(str(client.make_url("/")), "random", 20, 0, 0.3)
    assert figures["requests"] > benchmark.CLIENTS
    assert figures["rps"] > 0
