"""A collection on PostgreSQL and Milvus moves to another model as one in the data folder does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from artalike.commands.doctor import run_doctor
from tests.cluster.milvus import MilvusServer
from tests.cluster.postgres import Postgres
from tests.reembed.test_move import OTHERS, in_step, move_while_visitors_ask, moved, paint
from tests.running import running, settings_for, settled

pytestmark = pytest.mark.cluster

PATIENCE = 6


@pytest.mark.parametrize("engine", ["milvus_lite", pytest.param("milvus_server", marks=pytest.mark.slow)])
async def test_queries_and_ingest_go_on_and_no_answer_is_mixed(
    engine: str, request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path
) -> None:
    server: MilvusServer = request.getfixturevalue(engine)
    catalog = await asyncio.to_thread(postgres.new_database)
    storage, index = {"catalog": catalog}, {"engine": "milvus", "uri": server.uri}
    try:
        await move_while_visitors_ask(
            settings_for(tmp_path / "data", storage=storage, index=index), tmp_path, patience=PATIENCE
        )
    finally:
        await asyncio.to_thread(server.drop_all)


async def test_the_server_forgets_the_old_model_when_nobody_asks_by_it_and_the_collection_can_move_back(
    milvus_lite: MilvusServer, postgres: Postgres, tmp_path: Path
) -> None:
    catalog = await asyncio.to_thread(postgres.new_database)
    index = {"engine": "milvus", "uri": milvus_lite.uri, "collection": "back"}
    settings = settings_for(tmp_path / "data", storage={"catalog": catalog}, index=index)
    async with running(settings, others=OTHERS) as service:
        await service.add_seed(str(paint(tmp_path / "pictures", 12)))
        await settled(service)
        service.engines._linger_seconds = 0
        for name, label in (("other", "_other_"), ("tiny", "_tiny_")):
            await service.reembedding.start(name)
            assert (await moved(service))["state"] == "done"
            assert await in_step(service, seconds=5 * PATIENCE)
            async with asyncio.timeout(5 * PATIENCE):
                await service.engines.alone()
            [left] = [one for one in await asyncio.to_thread(milvus_lite.collections) if one.startswith("back_")]
            assert label in left
    assert await asyncio.to_thread(run_doctor, settings, as_json=False) == 0
    await asyncio.to_thread(milvus_lite.drop_all)
