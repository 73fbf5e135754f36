"""All that is fuzzed."""

from __future__ import annotations

from functools import cache

from tests.fuzz import kinds, parsers, wire
from tests.fuzz.engine import Target


@cache
def targets() -> dict[str, Target]:
    """Every target by its name."""
    found = [*parsers.targets(), *kinds.targets(), *wire.targets()]
    return {target.name: target for target in found}
