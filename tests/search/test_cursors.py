from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.errors import QueryError
from artalike.search import cursors


class Place(cursors.Cursor):
    at: int
    ids: tuple[int, ...] = ()


@given(at=st.integers(), ids=st.lists(st.integers()).map(tuple), blob=st.binary())
def test_what_went_in_comes_out(at: int, ids: tuple[int, ...], blob: bytes) -> None:
    place = Place(at=at, ids=ids)
    assert cursors.decode(cursors.encode(place, salt="a", blob=blob), Place, salt="a") == (place, blob)


@given(position=st.integers(0, 200), letter=st.sampled_from("ABCabc012-_.=%ü"))
def test_one_changed_letter_is_refused(position: int, letter: str) -> None:
    cursor = cursors.encode(Place(at=1234), salt="a", blob=b"a vector")
    position %= len(cursor)
    changed = cursor[:position] + letter + cursor[position + 1 :]
    if changed != cursor:
        with pytest.raises(QueryError, match="cursor"):
            cursors.decode(changed, Place, salt="a")


@given(text=st.text(max_size=50))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        cursors.decode(text, Place, salt="a")


def test_a_cursor_of_another_model_is_refused() -> None:
    with pytest.raises(QueryError, match="model"):
        cursors.decode(cursors.encode(Place(at=1), salt="one"), Place, salt="other")


def test_a_vector_of_1280_numbers_fits_into_a_request_line() -> None:
    cursor = cursors.encode(Place(at=1), salt="a", blob=bytes(2 * 1280))
    assert len(cursor) < 4000
    assert base64.urlsafe_b64decode(cursor.partition(".")[2] + "==") == bytes(2 * 1280)
