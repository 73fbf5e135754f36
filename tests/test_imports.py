"""Imports point down only, and each engine is known to one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "artalike"

LAYERS = (
    {"errors"},
    {"records"},
    {"config", "durations", "events", "futures", "metrics", "logs", "priority", "resources", "visitors"},
    {"crawl", "imaging", "embedding", "storage"},
    {"search", "layout", "archive"},
    {"pipeline", "web", "demo", "upkeep", "roles", "hearing"},
    {"engine"},
    {"reembed", "ingest"},
    {"service"},
    {"commands"},
    {"__main__"},
)
"""From the ground up. A room may import from the layers below its own, and from itself."""

ENGINES = {
    "asyncpg": {"storage/postgres.py"},
    "aiosqlite": {"storage/sqlite.py"},
    "faiss": {"storage/vector_index.py", "storage/trained_index.py"},
    "pymilvus": {"storage/milvus_connection.py", "storage/milvus_collection.py"},
    "torch": {"embedding", "imaging/resampling.py"},
    "torchvision": {"embedding"},
    "open_clip": {"embedding"},
    "timm": {"embedding"},
    "huggingface_hub": {"embedding/hub.py"},
    "filelock": {"storage/folder.py"},
    "protego": {"crawl/robots.py"},
    "lxml": {"crawl"},
    "obstore": {"storage/s3_thumbnails.py"},
    "pyarrow": {"crawl", "archive", "imaging/resampling.py"},
    "openTSNE": {"layout/tsne.py"},
    "ray": {"ingest"},
}

LEVEL = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}

FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def imported(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("artalike.")} & set(LEVEL)
    upward = {other for other in rooms if other != here and LEVEL[other] >= LEVEL[here]}
    assert not upward, f"{here} must not import {upward}"


def test_every_room_has_a_layer() -> None:
    assert {room(path) for path in FILES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_an_engine_is_known_to_one_place(engine: str) -> None:
    users = {path.relative_to(PACKAGE) for path in FILES if engine in {n.split(".")[0] for n in imported(path)}}
    strangers = {
        str(user)
        for user in users
        if not any(str(user) == at or str(user).startswith(f"{at}/") for at in ENGINES[engine])
    }
    assert not strangers


@pytest.mark.parametrize("client", ["pymilvus"])
def test_the_embedded_default_is_without_the_clients_of_a_cluster(client: str) -> None:
    program = f"import sys; sys.modules[{client!r}] = None; import artalike.storage.index_opening"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PACKAGE.parent)


def test_web_never_imports_crawl() -> None:
    users = [path for path in FILES if room(path) == "web" and any("artalike.crawl" in n for n in imported(path))]
    assert not users
