"""Whatever a parser is given, it answers or says in one line what is wrong, in time, and keeps nothing.

Much longer runs are for ``make fuzz``.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from artalike.crawl.sources import SOURCES
from tests.fuzz.engine import Target, check, check_growth, example, resident
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import targets

SHORT = settings(
    deadline=None,
    max_examples=50,
    derandomize=True,  # what is new is looked for by `make fuzz`, and not by chance in a test
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SIZE = 6_000
LEAK_EXAMPLES = 20
LEAK_BYTES = 20_000_000

number = st.integers(0, 2**32 - 1)
steps = st.lists(st.tuples(number, number, number), min_size=1, max_size=4)
every = pytest.mark.parametrize("target", targets().values(), ids=targets().keys())


@every
def test_valid_documents_pass(target: Target) -> None:
    for sample in target.samples:
        check(target, sample)


@every
@SHORT
@given(data=st.data())
def test_damaged_documents(target: Target, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(target.samples))
    check(target, mutated(sample, target.samples, data.draw(steps)))


@every
@settings(SHORT, max_examples=25)
@given(noise=st.binary(max_size=400) | st.text(max_size=100).map(str.encode))
def test_noise(target: Target, noise: bytes) -> None:
    check(target, noise)


@every
def test_time_grows_with_the_input_and_no_faster(target: Target) -> None:
    for pattern in target.patterns:
        check_growth(target, pattern, SIZE)


def test_nothing_is_kept_of_what_was_read() -> None:
    kept = []
    for start in (0, LEAK_EXAMPLES, 2 * LEAK_EXAMPLES):
        for target in targets().values():
            for seed in range(start, start + LEAK_EXAMPLES):
                check(target, example(target, seed))
        gc.collect()
        kept.append(resident())
    # What the first round has filled are caches, which are bounded.
    assert kept[2] - kept[1] < LEAK_BYTES


def test_every_kind_of_source_is_fuzzed() -> None:
    fuzzed = {name.partition(" ")[0] for name in targets()}
    # A folder holds files' names; an image is what the pictures' decoder is for.
    assert {source.kind for source in SOURCES} - {"folder", "image"} <= fuzzed
