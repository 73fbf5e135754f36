"""Finds the folders that come with the program but are not code: ``static`` and ``templates``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from artalike.errors import StartError

_PACKAGE: Final = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder ``name``: inside the package, where the wheel puts it, or beside it in a checkout.

    Looks at the disk. Raises StartError when it is in neither place.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name).is_dir():
            return parent / name
    raise StartError(f"{_PACKAGE / name}: missing; expected a complete installation or a checkout")
