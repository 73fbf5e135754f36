"""What may be asked of a source beside its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from artalike import durations
from artalike.errors import FailureKind, ParseError, SourceError


def _span(value: Any) -> str:
    text = str(value)  # a number is one of seconds
    durations.seconds_of(text)
    return text


class Options(BaseModel):
    """The options of all kinds, with the names that img2dataset has for columns.

    ``depth`` is how many links are followed from the seed. ``url_col`` and ``caption_col`` name columns of a list;
    of the columns that we have no field for, ``save_additional_columns`` keeps those it names instead of all.
    ``open_access`` and ``languages`` stand in for ``crawl.open_access_only`` and ``crawl.languages``. ``recrawl`` is
    after how long the source is read again (``"90m"``, ``"6h"``, ``"7d"``, ``"never"``), ``rate`` how many of its
    addresses are asked for in a second; ``watch`` keeps the collection in step with a folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    depth: int | None = Field(None, ge=0, le=100)
    open_access: bool | None = None
    languages: tuple[str, ...] | None = None
    recrawl: Annotated[str, BeforeValidator(_span)] | None = None
    rate: float | None = Field(None, gt=0, le=10_000)
    watch: bool = False
    url_col: str = Field("url", min_length=1)
    caption_col: str | None = Field(None, min_length=1)
    save_additional_columns: tuple[str, ...] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The options of a task. Raises ParseError, BAD_DOCUMENT, when one has a wrong type."""
        try:
            return cls.checked(options)
        except SourceError as error:
            raise ParseError(FailureKind.BAD_DOCUMENT, str(error)) from error

    @classmethod
    def checked(cls, options: Mapping[str, Any]) -> Self:
        """The options of a seed. Raises SourceError that names the option, its value, and what was expected."""
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            raise SourceError(f"option {name} = {str(first['input'])[:200]!r}: {message}") from error


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that no source understands, before anything is seeded.

    Raises SourceError that names the option, its value, and what was expected.
    """
    unknown = sorted(set(options) - set(Options.model_fields))
    if unknown:
        known = ", ".join(sorted(Options.model_fields))
        raise SourceError(f"option {unknown[0][:200]!r}: unknown; expected one of {known}")
    Options.checked(options)
