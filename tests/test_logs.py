from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys
from artalike import logs
logs.configure(sys.argv[1], sys.argv[2], verbose=len(sys.argv) > 3)
log = logging.getLogger("artalike.crawl")
log.debug("a detail")
log.info("hostile [red]text[/red] :bomb: %s", "<script>\\u2028")
"""


def said(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr


def test_json_logs_are_one_object_a_line() -> None:
    [line] = said("json", "info").splitlines()
    record = json.loads(line)
    assert record["message"] == "hostile [red]text[/red] :bomb: <script>\u2028"
    assert (record["levelname"], record["name"]) == ("INFO", "artalike.crawl")
    assert record["time"]


def test_text_logs_show_markup_as_it_is() -> None:
    assert "hostile [red]text[/red] :bomb: <script>" in said("text", "info")


@pytest.mark.parametrize(("level", "verbose", "shown"), [("info", False, 1), ("warning", False, 0), ("info", True, 2)])
def test_levels_and_verbosity(level: str, verbose: bool, shown: int) -> None:
    assert len(said("json", level, *(["-v"] if verbose else [])).splitlines()) == shown
