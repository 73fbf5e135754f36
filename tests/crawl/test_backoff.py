"""Waits between tries."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.config import Crawl, Settings
from artalike.crawl.backoff import LONGEST_RETRY_AFTER, backoff, parse_retry_after

SETTINGS = Settings(crawl=Crawl(backoff_seconds=5.0, backoff_max_seconds=100.0))


@pytest.mark.parametrize(("attempts", "ceiling"), [(0, 5), (1, 5), (2, 10), (3, 20), (5, 80), (6, 100), (10**6, 100)])
def test_each_wait_doubles_up_to_the_longest_with_jitter(attempts: int, ceiling: float) -> None:
    waits = [backoff(attempts, SETTINGS) for _ in range(200)]
    assert ceiling / 2 <= min(waits) < ceiling * 0.6
    assert ceiling * 0.9 < max(waits) <= ceiling


def test_nobody_comes_back_earlier_than_asked() -> None:
    waits = [backoff(1, SETTINGS, 1000.0) for _ in range(100)]
    assert 1000 <= min(waits) < max(waits) <= 1100
    assert backoff(1, SETTINGS, 0.0) >= 2.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("0", 0),
        (" 120 ", 120),
        ("9" * 400, LONGEST_RETRY_AFTER),
        (formatdate(0, usegmt=True), 0),
    ],
)
def test_retry_after_is_read(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    wait = parse_retry_after(formatdate(time.time() + 90, usegmt=True))
    assert wait is not None
    assert 85 < wait <= 90


@given(st.text())
def test_no_header_breaks_it(value: str) -> None:
    wait = parse_retry_after(value)
    assert wait is None or 0 <= wait <= LONGEST_RETRY_AFTER
