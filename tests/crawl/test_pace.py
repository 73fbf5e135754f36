"""How a host's pace follows from its answers, in seconds of a clock that counts answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artalike.crawl.pace import SHORTEST_PAUSE, SLOWEST, Pace


def answers(pace: Pace, count: int, latency: float, *, start: float = 0.0) -> float:
    """So many answers one after the other, a second apart. When the last one came."""
    for number in range(count):
        pace.answered(start + number, start + number, latency)
    return start + count


def test_places_double_with_each_round_until_the_limit() -> None:
    pace = Pace(20)
    rounds = []
    for _ in range(7):
        rounds.append(pace.places)
        answers(pace, pace.places, 0.01)
    assert rounds == [1, 2, 4, 8, 16, 20, 20]


def test_a_burst_of_refusals_counts_once() -> None:
    pace = Pace(16)
    answers(pace, 16, 0.01)
    for _ in range(16):
        pace.step_back(started=99.0, now=100.0)
    assert (pace.places, pace.share) == (8, 0.5)
    pace.step_back(started=101.0, now=102.0)
    assert (pace.places, pace.share) == (4, 0.25)


def test_after_a_step_back_places_come_back_one_a_round() -> None:
    pace = Pace(16)
    answers(pace, 16, 0.01)
    pace.step_back(100.0, 100.0)
    answers(pace, 8, 0.01, start=101.0)
    assert pace.places == 8  # one answer short of a whole round more: 8 + 8 × less than 1/8
    answers(pace, 1, 0.01, start=120.0)
    assert pace.places == 9
    answers(pace, 200, 0.01, start=130.0)
    assert (pace.places, pace.share) == (16, 1.0)


def test_a_pause_is_never_shorter_than_asked_for() -> None:
    pace = Pace(4)
    assert (pace.pause(0.0), pace.pause(2.0)) == (0.0, 2.0)
    pace.step_back(0.0, 1.0)
    assert (pace.pause(0.0), pace.pause(2.0)) == (SHORTEST_PAUSE, 4.0)
    for moment in range(2, 50):
        pace.step_back(moment, moment)
    assert (pace.places, pace.share, pace.pause(1.0)) == (1, SLOWEST, 1 / SLOWEST)


def test_after_several_refusals_in_a_row_half_of_what_was_too_much_is_soon_back() -> None:
    pace = Pace(4)
    for moment in range(4):
        pace.step_back(moment, moment)
    assert pace.share == 1 / 16
    shares = [answers(pace, 1, 0.01, start=10.0 + number) and pace.share for number in range(3)]
    assert shares[:2] == [1 / 4, 1 / 2]
    assert 0.5 < shares[2] < 0.6  # from there by small steps


def test_answers_from_before_the_step_back_bring_nothing_back() -> None:
    pace = Pace(16)
    answers(pace, 16, 0.01)
    pace.step_back(99.0, 100.0)
    for _ in range(16):
        pace.answered(99.5, 101.0, 0.01)
    assert (pace.places, pace.share) == (8, 0.5)


def test_a_host_without_a_rate_gets_its_pace_back_by_degrees_and_not_as_a_burst() -> None:
    pace, pauses, now = Pace(4), [], 1.0
    pace.step_back(0.0, now)
    while pace.share < 1.0:
        pauses.append(pace.pause(0.0))
        now = answers(pace, 1, 0.01, start=now)
    assert pauses == sorted(pauses, reverse=True)
    assert 0 < pauses[-1] < SHORTEST_PAUSE / 10


def test_a_host_that_grows_slow_is_relieved() -> None:
    pace = Pace(8)
    now = answers(pace, 50, 0.05)
    now = answers(pace, 5, 1.5, start=now)
    assert (pace.places, pace.share) == (4, 1.0)


def test_a_host_that_is_slow_with_one_request_is_asked_less_often() -> None:
    pace = Pace(1)
    now = answers(pace, 50, 0.05)
    answers(pace, 5, 1.5, start=now)
    assert (pace.places, pace.share) == (1, 0.5)


def test_a_few_large_pages_are_no_sign_of_load() -> None:
    pace = Pace(8)
    now = answers(pace, 50, 0.05)
    for _ in range(20):
        now = answers(pace, 4, 2.0, start=now)
        now = answers(pace, 4, 0.05, start=now)
    assert (pace.places, pace.share) == (8, 1.0)


def test_milliseconds_are_noise_on_a_local_network() -> None:
    pace = Pace(8)
    now = answers(pace, 50, 0.001)
    answers(pace, 50, 0.2, start=now)
    assert (pace.places, pace.share) == (8, 1.0)


def test_a_host_that_stays_slow_is_not_punished_for_ever() -> None:
    pace = Pace(8)
    now = answers(pace, 50, 0.05)
    answers(pace, 300, 2.0, start=now)
    assert (pace.places, pace.share) == (8, 1.0)
    assert 1.9 < pace.latency <= 2.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000), st.floats(0, 10)), max_size=200), st.integers(1, 64))
def test_whatever_happens_the_limits_are_kept(events: list[tuple[bool, float, float]], most: int) -> None:
    pace, now = Pace(most), 0.0
    for well, latency, later in events:
        now += later
        if well:
            pace.answered(now - latency, now, latency)
        else:
            pace.step_back(now - latency, now)
        assert 1 <= pace.places <= most
        assert SLOWEST <= pace.share <= 1.0
        assert pace.pause(1.0) >= 1.0
