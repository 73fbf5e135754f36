from __future__ import annotations

import pytest

from artalike.crawl.sources import check_options
from artalike.crawl.sources.options import Options
from artalike.durations import seconds_of
from artalike.errors import SourceError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("6h", 21_600), ("7d", 604_800), ("30s", 30), ("3600", 3600), ("daily", 86_400), ("never", 0)],
)
def test_spans_of_time_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "often", "0h", "-1h", "1.5h", "h", "6 h", "1h\n", "9" * 20, "10000d"])
def test_what_is_no_span_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected one like 90m"):
        seconds_of(text)


def test_an_option_may_be_a_number_of_seconds() -> None:
    assert Options.of({"recrawl": 3600}).recrawl == "3600"
    with pytest.raises(SourceError, match=r"option recrawl = '\[\]': '\[\]' is no span of time"):
        check_options({"recrawl": []})
