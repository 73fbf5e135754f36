"""How many processes there are to be, and of which size, so that all of them find a place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.ingest.planning import Machine, Plan, plan

machines = st.lists(st.builds(Machine, st.integers(0, 128), st.integers(0, 8)), max_size=12)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([Machine(2)], Plan(1, 0.67, 1, 1.33)),
        ([Machine(0), Machine(2), Machine(2), Machine(2)], Plan(3, 0.67, 3, 1.33)),
        ([Machine(64)], Plan(10, 2.0, 10, 4.0)),
        ([Machine(64), Machine(1)], Plan(10, 2.0, 10, 4.0)),
        ([Machine(4), Machine(2)], Plan(3, 0.67, 3, 1.33)),
        ([Machine(16, 2)], Plan(8, 2.0, 2, 0.0, 1)),
        ([Machine(4), Machine(8, 1)], Plan(6, 2.0, 1, 0.0, 1)),
        ([], Plan(1, 0.33, 1, 0.67)),
    ],
)
def test_each_kind_of_cluster(there: list[Machine], expected: Plan) -> None:
    assert plan(there) == expected


@given(machines)
def test_all_find_a_place_on_their_machines(there: list[Machine]) -> None:
    wanted = plan(there)
    assert wanted.downloaders > 0
    assert wanted.embedders > 0
    if any(machine.cpus for machine in there):
        assert wanted.downloaders * wanted.downloader_cpus + wanted.embedders * wanted.embedder_cpus <= 1e-9 + sum(
            machine.cpus for machine in there
        )
    assert wanted.embedders * wanted.embedder_gpus <= sum(machine.gpus for machine in there)


@given(machines)
def test_no_gpu_is_taken_that_was_not_asked_for(there: list[Machine]) -> None:
    assert plan(there, use_gpus=False) == plan([Machine(machine.cpus) for machine in there])


@given(machines, st.builds(Machine, st.integers(0, 128), st.integers(0, 8)))
def test_a_machine_more_brings_more_of_the_same(there: list[Machine], another: Machine) -> None:
    before = plan(there)
    after = plan([*there, another], like=before)
    assert after.downloaders >= before.downloaders
    assert after.embedders >= before.embedders
    assert replace(after, downloaders=before.downloaders, embedders=before.embedders) == before


def test_a_network_has_the_threads_that_its_process_was_given() -> None:
    assert [plan([Machine(cpus)]).threads for cpus in (1, 2, 6)] == [1, 1, 4]
