"""The Hugging Face hub, asked only for what is not here, and only where it answers.

Its client tries again for most of a minute where there is no network; and for a file that is here already it asks
whether there is a newer one, which for a model in use is no question. So the hub is greeted once, in a few seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.utils._http import get_session
from huggingface_hub.utils.tqdm import disable_progress_bars

GREETING_SECONDS: Final = 5.0


class Unreachable(OSError):
    """The hub does not answer."""


def file_of(repository: str, names: Sequence[str]) -> Path:
    """The first of ``names`` that a repository has: from the cache, or else downloaded with a progress bar.

    Raises :class:`Unreachable`, and whatever the hub's client raises.
    """
    if (there := in_cache(repository, names)) is not None:
        return there
    greet()
    if not sys.stderr.isatty():
        disable_progress_bars()  # in a log they are noise
    for name in names[:-1]:
        try:
            return Path(hf_hub_download(repository, name))
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repository, names[-1]))


def in_cache(repository: str, names: Sequence[str]) -> Path | None:
    """The first of ``names`` that is here."""
    for name in names:
        if isinstance(there := try_to_load_from_cache(repository, name), str):
            return Path(there)
    return None


def cached() -> Iterator[tuple[str, Path]]:
    """Repositories in the cache, and the folder of what was downloaded last of each."""
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*--*")):
        reference = folder / "refs" / "main"
        if reference.is_file():
            snapshot = folder / "snapshots" / reference.read_text().strip()
            if snapshot.is_dir():
                yield folder.name.removeprefix("models--").replace("--", "/", 1), snapshot


def greet() -> None:
    """Raises :class:`Unreachable` when the hub does not answer a single small request."""
    try:
        session: Any = get_session()
        session.head(constants.ENDPOINT, timeout=GREETING_SECONDS)
    except Exception as error:  # its client's own kinds, and those of the HTTP library that it happens to use
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(f"{constants.ENDPOINT} cannot be reached: {reason}") from error


@contextmanager
def from_cache_alone() -> Iterator[None]:
    """While the block runs, what others want from the hub they find in the cache, or not at all."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
