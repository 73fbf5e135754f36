"""A layout of the collection, and its file in the data folder.

The file is a NumPy archive (https://numpy.org/doc/stable/reference/generated/numpy.savez.html), whose members carry a
CRC-32, so that a torn one is noticed. The catalog is the truth: a file that does not fit is never repaired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from artalike.errors import SnapshotError
from artalike.layout.placing import Positions, Projection, placed, priorities, settled
from artalike.records import FloatArray, IdArray, PixelArray
from artalike.storage.files import remove_leftovers, write_atomically

FORMAT_VERSION: Final = 1
PRIORITY_MOST: Final = 2**64 - 1
_ARRAYS: Final = ("ids", "places", "colors", "landmarks", "reduced")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which picture lies where.

    ``ids`` int64 (n,) ascending, ``places`` uint16 (n, 2), ``colors`` uint8 (n, 3). ``landmarks`` int64 (l,) ascending
    are those of ``ids`` that t-SNE has laid out, ``reduced`` float32 (l, m) their vectors by ``projection``. Pictures
    with :func:`~artalike.layout.placing.priorities` above ``share`` are left out. ``number`` is of no
    other layout of the collection, not of one whose file is lost either, and larger than of those before; ``images`` is
    how large the collection was then; ``computed_at`` is in seconds since the epoch.
    """

    model_id: str
    number: int
    images: int
    computed_at: float
    share: int
    ids: IdArray
    places: Positions
    colors: PixelArray
    landmarks: IdArray
    reduced: FloatArray
    projection: Projection

    def shows(self, ids: IdArray) -> IdArray:
        """Those of ``ids`` that belong on the map, as far as :attr:`share` decides it."""
        return ids[priorities(ids) <= np.uint64(self.share)]

    def places_of(self, ids: IdArray) -> FloatArray:
        """Float32 (n, 2), NaN for those that it does not have."""
        places = np.full((len(ids), 2), np.nan, np.float32)
        known = np.isin(ids, self.ids)
        places[known] = self.places[np.searchsorted(self.ids, ids[known])]
        return places

    def without(self, gone: IdArray) -> Layout:
        """Without these; their reduced vectors go as well."""
        kept, marked = ~np.isin(self.ids, gone), ~np.isin(self.landmarks, gone)
        return self._of(kept, marked)

    def with_new(self, ids: IdArray, vectors: FloatArray, colors: PixelArray) -> Layout:
        """With pictures (n,) that it does not have, among those that they are like. Takes time: 0.1 ms each."""
        places = placed(self.projection(vectors), self.reduced, self.places_of(self.landmarks))
        spots = settled(places, self.places)
        all_ids = np.concatenate((self.ids, ids))
        order = np.argsort(all_ids, kind="stable")
        return replace(
            self,
            ids=all_ids[order],
            places=np.concatenate((self.places, spots))[order],
            colors=np.concatenate((self.colors, colors))[order],
        )

    def at_most(self, most: int) -> Layout:
        """With a share so small that it holds no more than ``most`` pictures. Landmarks are the last to go."""
        if len(self.ids) <= most:
            return self
        order = priorities(self.ids)
        share = int(np.partition(order, most - 1)[most - 1])
        kept = order <= np.uint64(share)
        return replace(self._of(kept, priorities(self.landmarks) <= np.uint64(share)), share=share)

    def _of(self, kept: NDArray[np.bool_], marked: NDArray[np.bool_]) -> Layout:
        return replace(
            self,
            ids=self.ids[kept],
            places=self.places[kept],
            colors=self.colors[kept],
            landmarks=self.landmarks[marked],
            reduced=self.reduced[marked],
        )

    def save(self, path: Path) -> None:
        """Replace the file; blocks. Raises StorageError."""
        about = {name: getattr(self, name) for name in ("model_id", "number", "images", "computed_at", "share")}
        text = json.dumps({"version": FORMAT_VERSION, **about}).encode()
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {"mean": self.projection.mean, "axes": self.projection.axes}
        write_atomically(path, lambda out: np.savez(out, about=np.frombuffer(text, np.uint8), **arrays))

    @classmethod
    def load(cls, path: Path, model_id: str) -> Layout | None:
        """The layout in the file, None when there is no file; blocks.

        Raises SnapshotError when it is torn, or of another model or version.
        """
        try:
            remove_leftovers(path)
            # A stream of our own: NumPy leaves its open when the archive is torn.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                about = json.loads(found["about"].tobytes())
                if about.pop("version") != FORMAT_VERSION or about["model_id"] != model_id:
                    raise SnapshotError(f"{path}: made by another version or model; expected {model_id}")
                projection = Projection(found["mean"], found["axes"])
                layout = cls(**about, **{name: found[name] for name in _ARRAYS}, projection=projection)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise SnapshotError(f"{path}: torn: {error}") from error
        rows = {len(layout.ids), len(layout.places), len(layout.colors)}
        if len(rows) > 1 or len(layout.landmarks) != len(layout.reduced):
            raise SnapshotError(f"{path}: torn: its arrays do not fit each other")
        return layout
