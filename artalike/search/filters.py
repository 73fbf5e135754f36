"""What a person may narrow an answer to: where a picture comes from, who made it and when, its form and its colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from artalike.errors import QueryError
from artalike.records import IdArray
from artalike.storage.blocks import BlockKind, normalized
from artalike.storage.facets import words
from artalike.storage.filtering import Criteria, Orientation
from artalike.storage.lab import lab

TOLERANCE: Final = 20.0
"""ΔE*ab up to which two colours would be given the same name, roughly."""
TOLERANCE_MOST: Final = 50.0

TEXT_LENGTH: Final = 200
SOURCE_LENGTH: Final = 2000
YEAR_FIRST: Final = -10_000
YEAR_LAST: Final = 2100
SIDE_MOST: Final = 1_000_000

BYTES_MOST: Final = 1600
"""Of all filters together in their canonical form: cursors carry them."""


def _host(value: str) -> str:
    try:
        host = normalized(BlockKind.HOST, value)
    except QueryError as error:
        raise ValueError from error
    name, bracket, port = host.removeprefix("[").partition("]") if host.startswith("[") else host.partition(":")
    if port or bracket == ":":
        raise ValueError
    return name


def _words(value: str) -> str:
    spelled = words(value)
    if spelled is None:
        raise ValueError
    return spelled.strip()


def _year(value: int) -> int:
    if value == 0:
        raise ValueError
    return value


_Words = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_words)]
_Year = Annotated[int, Field(ge=YEAR_FIRST, le=YEAR_LAST), AfterValidator(_year)]
_Side = Annotated[int, Field(ge=1, le=SIDE_MOST)]

_YEAR_EXPECTED: Final = f"a year from {YEAR_FIRST} to {YEAR_LAST}; 1 BC is -1, and there is no year 0"
_SIDE_EXPECTED: Final = f"pixels, a whole number from 1 to {SIDE_MOST}"


class Filters(BaseModel):
    """What an image must be, all of it. Equal filters are equal, hash alike and have the same JSON, however spelled.

    An image about which the catalog does not know what is asked does not pass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    source: Annotated[
        str | None,
        Field(min_length=1, max_length=SOURCE_LENGTH, description="a source as it was seeded, or a museum's name"),
    ] = None
    host: Annotated[
        Annotated[str, AfterValidator(_host)] | None,
        Field(description="a host without a port, such as example.org, which stands for all below it too"),
    ] = None
    creator: Annotated[
        _Words | None, Field(description=f"words of a creator's name, up to {TEXT_LENGTH} characters")
    ] = None
    year_from: Annotated[_Year | None, Field(description=_YEAR_EXPECTED)] = None
    year_to: Annotated[_Year | None, Field(description=_YEAR_EXPECTED)] = None
    rights: Annotated[
        _Words | None, Field(description=f"words of a statement of rights, up to {TEXT_LENGTH} characters")
    ] = None
    orientation: Annotated[Orientation | None, Field(description='"portrait", "landscape" or "square"')] = None
    min_width: Annotated[_Side | None, Field(description=_SIDE_EXPECTED)] = None
    min_side: Annotated[_Side | None, Field(description=_SIDE_EXPECTED)] = None
    color: Annotated[
        Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$"), AfterValidator(str.lower)] | None,
        Field(description="#rrggbb"),
    ] = None
    tolerance: Annotated[
        float,
        Field(
            ge=1,
            le=TOLERANCE_MOST,
            allow_inf_nan=False,
            description=f"how far from the colour, from 1 to {TOLERANCE_MOST:g} (ΔE*ab; 2 can just be seen)",
        ),
    ] = TOLERANCE

    @model_validator(mode="after")
    def _in_order(self) -> Filters:
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise ValueError("year_from is later than year_to")
        if self.color is None and self.tolerance != TOLERANCE:
            raise ValueError("a tolerance without a color")
        if len(self.canonical().encode()) > BYTES_MOST:
            raise ValueError(f"more than {BYTES_MOST} bytes altogether")
        return self

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Filters:
        """Filters as they are sent; numbers may be text. Raises QueryError: one line that says what was expected."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise QueryError(_explained(error)) from None

    @property
    def anything(self) -> bool:
        """Whether every image passes."""
        return self == ANYTHING

    def canonical(self) -> str:
        """As JSON without what is not asked for: for cursors, and to compare."""
        return self.model_dump_json(exclude_defaults=True)

    def criteria(self) -> Criteria:
        """What to ask of the catalog."""
        same = self.model_dump(exclude={"color", "tolerance"})
        return Criteria(**same, color=lab(self.color) if self.color else None, tolerance=self.tolerance)


ANYTHING: Final = Filters()


def inside(ids: IdArray, passing: IdArray) -> NDArray[np.bool_]:
    """Which of ``ids`` (n,) are among ``passing``, ascending."""
    if not passing.size:
        return np.zeros(ids.size, dtype=bool)
    places = np.searchsorted(passing, ids).clip(max=passing.size - 1)
    found: NDArray[np.bool_] = passing[places] == ids
    return found


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        reason = first.get("ctx", {}).get("error", first["msg"])
        return f"filters: {reason}"
    name = str(first["loc"][0])
    field = Filters.model_fields.get(name)
    if field is None:
        return f"filters: {name[:40]!r} is not a filter; expected some of: {', '.join(Filters.model_fields)}"
    shown = str(first["input"])
    shown = shown if len(shown) <= 40 else f"{shown[:39]}…"
    return f"filters: {name} = {shown!r}: expected {field.description}"
