"""What a benchmark prints, and how it refuses wrong usage."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn


def report(title: str, rows: Sequence[Mapping[str, object]], summary: Mapping[str, object]) -> None:
    """Print a table of ``rows``, whose keys are the columns, and ``summary`` as JSON on the last line."""
    print(title)
    if rows:
        columns = list(rows[0])
        lines = [columns, *([_text(row.get(column, "")) for column in columns] for row in rows)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
        for line in lines:
            cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
            print("  " + "  ".join(cells).rstrip())
    print(json.dumps(summary, default=float), flush=True)


def refuse(message: str) -> NoReturn:
    """End with one line on stderr and exit status 2."""
    print(message, file=sys.stderr)
    raise SystemExit(2)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
