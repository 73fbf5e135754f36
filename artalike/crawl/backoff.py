"""When to try again: our own back-off, and what the other side asks for."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from typing import Final

from artalike.config import Settings

LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds; a server that asks for more is taken to mean a day."""

_LONGEST_DATE: Final = 100


def backoff(attempts: int, settings: Settings, retry_after: float | None = None) -> float:
    """Seconds until the next try after ``attempts`` failed ones (1 or more).

    Exponential with equal jitter: between half of it and all of it. Never earlier than ``retry_after`` seconds, where
    the other side asked for that, and a little later, so that not all come back at once.
    """
    doublings = min(max(attempts, 1) - 1, 62)
    ceiling = min(settings.crawl.backoff_seconds * 2.0**doublings, settings.crawl.backoff_max_seconds)
    wait = random.uniform(ceiling / 2, ceiling)
    return wait if retry_after is None else max(wait, retry_after * random.uniform(1.0, 1.1))


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from now that a ``Retry-After`` header asks for (RFC 9110 §10.2.3), or None without a readable one."""
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), LONGEST_RETRY_AFTER)
    # The standard library's reader of dates calls itself for each parenthesis: a long header would break the stack.
    if len(value) > _LONGEST_DATE:
        return None
    try:
        wait = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER)
