from __future__ import annotations

import numpy as np

from artalike.layout import placing
from artalike.records import FloatArray, IdArray

DICE = np.random.default_rng(3)


def groups(count: int, size: int, dimension: int = 32) -> tuple[FloatArray, IdArray]:
    """Unit vectors in ``count`` tight groups (n, dimension), and the number of each one's group (n,)."""
    centers = DICE.standard_normal((count, dimension))
    group = np.repeat(np.arange(count), size)
    vectors = centers[group] + 0.05 * DICE.standard_normal((len(group), dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), group


def test_the_nearest_are_those_of_a_plain_search() -> None:
    points = DICE.standard_normal((700, 9)).astype(np.float32)
    landmarks = DICE.standard_normal((60, 9)).astype(np.float32)
    found = list(placing.nearest(points, landmarks, 5))
    rows, distances = np.concatenate([row for row, _ in found]), np.concatenate([far for _, far in found])
    true = np.linalg.norm(points[:, None] - landmarks[None], axis=2)
    assert np.allclose(distances, np.sort(true, axis=1)[:, :5], atol=1e-3)
    assert np.allclose(np.take_along_axis(true, rows, axis=1), distances, atol=1e-3)


def test_a_projection_keeps_what_tells_vectors_apart() -> None:
    vectors, group = groups(6, 20)
    reduced = placing.Projection.of(vectors)(vectors)
    rows = np.concatenate([found for found, _ in placing.nearest(reduced, reduced, 10)])
    assert (group[rows] == group[:, None]).all()


def test_what_is_placed_lies_in_its_group_and_never_between_two() -> None:
    vectors, group = groups(4, 30)
    corners = np.array([[0, 0], [1000, 0], [0, 1000], [1000, 1000]], np.float32)
    places = corners[group] + DICE.standard_normal((len(group), 2)).astype(np.float32)
    half = np.arange(len(vectors)) % 2 == 0
    found = placing.placed(vectors[~half], vectors[half], places[half])
    assert np.abs(found - corners[group[~half]]).max() < 20
    rows = np.array([[0, 1, 2, 30, 31]])  # three of one group, two of another
    between = placing.among(rows, np.full((1, 5), 0.1, np.float32), places)
    assert np.abs(between - corners[0]).max() < 20


def test_a_layout_that_was_turned_and_mirrored_lies_as_the_old_one_does() -> None:
    old = DICE.standard_normal((50, 2)).astype(np.float32)
    turn = np.array([[np.cos(2), -np.sin(2)], [np.sin(2), np.cos(2)]]) @ np.diag([1, -1])
    new = (old @ turn + 7).astype(np.float32)
    known = np.arange(50) < 40
    assert np.allclose(placing.aligned(new, old, known), old - old[known].mean(0), atol=1e-4)


def test_no_two_pictures_lie_at_one_place() -> None:
    places = np.full((200, 2), 30_000, np.float32)
    first = placing.settled(places[:100], np.empty((0, 2), np.uint16))
    then = placing.settled(places[100:], first)
    both = np.concatenate((first, then)).astype(int)
    assert len({tuple(spot) for spot in both.tolist()}) == 200
    assert np.abs(both - 30_000).max() < 600


def test_places_fill_the_map_and_keep_their_shape() -> None:
    places = placing.fitted(np.array([[0, 0], [10, 5]], np.float32))
    assert places.min() > 0
    assert places.max() < placing.SIDE
    width, height = np.abs(places[1] - places[0])
    assert np.isclose(width, 2 * height)


def test_groups_far_apart_are_given_room_and_order_stays() -> None:
    places = np.concatenate((np.zeros((50, 2)), np.full((50, 2), 100.0))).astype(np.float32)
    places += DICE.standard_normal(places.shape).astype(np.float32)
    evened = placing.evened(places)
    for axis in range(2):
        assert (np.argsort(evened[:, axis]) == np.argsort(places[:, axis])).all()
    assert np.ptp(evened[:50], axis=0).min() > 20
    assert np.allclose(np.ptp(evened, axis=0), np.ptp(places, axis=0))


def test_a_sample_of_a_larger_collection_holds_most_of_the_smaller_ones() -> None:
    small, large = np.arange(1, 2001), np.arange(1, 4001)
    of_small, of_large = placing.sample(small, 500), placing.sample(large, 500)
    assert len(of_large) == 500
    assert (np.diff(of_large) > 0).all()
    assert set(of_large[of_large <= 2000].tolist()) <= set(of_small.tolist())
    assert 150 < (of_large <= 2000).sum() < 350
