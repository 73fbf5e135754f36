"""Many batches through one network, as fast as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from artalike.embedding.card import Network, Parallel
from artalike.records import FloatArray, PixelArray


def threads_of(network: Network) -> int:
    """How many may use it at once."""
    return network.at_once if isinstance(network, Parallel) else 1


def embed_all(network: Network, batches: Iterable[PixelArray]) -> Iterator[FloatArray]:
    """The vectors of each of ``batches``, in their order, which are all taken at once; see :meth:`Network.embed`."""
    with ThreadPoolExecutor(threads_of(network), thread_name_prefix="embed") as pool:
        yield from pool.map(network.embed, batches)
