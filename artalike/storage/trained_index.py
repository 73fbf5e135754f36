"""An inverted file of compressed codes: FAISS finds candidates, whoever holds exact vectors ranks them.

Measured at 200,000 × 512 on one core: RaBitQ (Gao and Long, SIGMOD 2024, arXiv:2405.12497; one bit a dimension and
8 bytes) has 99 % of the ten nearest among its first fifty, as SQ4 has at three times the size; PQ64x4fs is smaller
and as good here, but must learn what it cuts. FAISS removes from it with ids of its own, where an ``IndexIDMap`` over
it would remove wrongly. Codes can be made outside any lock and are then only copied in.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from artalike.errors import SnapshotError, UsageError
from artalike.records import FloatArray, IdArray
from artalike.storage.vector_index import selector_of

CODE_DIMENSIONS: Final = 512
"""Vectors of more are reduced to these for their codes, which keeps a code at 72 bytes."""

SAMPLES_PER_LIST: Final = 50
KMEANS_ROUNDS: Final = 8

Codes = NDArray[np.uint8]

Half = NDArray[np.float16]

# How many numbers queries must have together to be compared by a matrix product. FAISS's 128,000 leaves 200 vectors of
# 512 numbers to a loop: at 2048 centroids that takes 150 us a vector, where a product takes 16; of 8 vectors 60.
faiss.cvar.distance_compute_blas_threshold = 4096

_PLACE: Final = re.compile(r"^Error in .*\.(?:cpp|h):\d+: ")
"""Where in FAISS's sources an error arises."""


def check_factory(factory: str, dimension: int) -> None:
    """Raises :class:`UsageError` for a factory string that FAISS does not know, or that cannot be served from."""
    InvertedFile(_made(factory, dimension), b"")


def default_factory(dimension: int, count: int) -> str:
    """What suits ``count`` vectors, in FAISS's words (https://github.com/facebookresearch/faiss/wiki/The-index-factory)."""
    rotation = f"PCAR{CODE_DIMENSIONS}" if dimension > CODE_DIMENSIONS else f"RR{dimension}"
    return f"{rotation},IVF{lists_for(count)},RaBitQ"


def lists_for(count: int) -> int:
    """Two to four times the square root, a power of two: enough until there are four times as many vectors."""
    return int(min(16384, 1 << math.ceil(math.log2(2 * math.sqrt(max(1, count)))), max(1, count)))


def _made(factory: str, dimension: int) -> Any:
    """The inverted file in what FAISS makes of ``factory``; codes alone become one of a single list.

    What maps ids or ranks anew around it is left away: both is done here.
    """
    try:
        outer = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        inner: Any = faiss.downcast_index(outer)
        while isinstance(inner, faiss.IndexIDMap | faiss.IndexRefine):
            inner = faiss.downcast_index(inner.index if isinstance(inner, faiss.IndexIDMap) else inner.base_index)
        if faiss.try_extract_index_ivf(inner) is not None:
            return faiss.deserialize_index(faiss.serialize_index(inner))  # or it would be freed with its wrapper
    except RuntimeError as error:
        raise _refused(factory, error) from error
    before, comma, codes = factory.rpartition(",")
    try:
        return faiss.index_factory(dimension, f"{before}{comma}IVF1,{codes}", faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise UsageError(
            f"index.factory = {factory!r}: expected an inverted file (IVF) or codes; a graph lets nothing be removed"
        ) from error


def _refused(factory: str, error: RuntimeError) -> UsageError:
    return UsageError(f"index.factory = {factory!r}: FAISS says: {_PLACE.sub('', str(error).splitlines()[-1])}")


class InvertedFile:
    """Codes of vectors by id. The lock is its owner's business: search and :meth:`encode` share, the rest is alone."""

    def __init__(self, index: Any, training: bytes) -> None:
        self.training = training
        """All that training has made, and no vector, as :meth:`restore` takes it."""
        self._index = index  # keeps the parts alive
        ivf = faiss.try_extract_index_ivf(index)
        if ivf is None:
            raise UsageError("index.factory: expected an inverted file (IVF)")
        if isinstance(faiss.downcast_index(ivf), faiss.IndexIVFFastScan):
            # Packed in blocks they can neither be copied list by list nor be added as they are.
            raise UsageError("index.factory: expected codes that are not packed for fast scans; leave away its fs")
        self._ivf: Any = ivf
        chain = getattr(index, "chain", None)
        transforms = [] if chain is None else [faiss.downcast_VectorTransform(chain.at(i)) for i in range(chain.size())]
        self._transforms: list[Any] = transforms

    @classmethod
    def train(cls, sample: FloatArray, factory: str) -> InvertedFile:
        """An empty one, trained on ``sample``, float32 (n, dimension); takes seconds to minutes on one core.

        Raises :class:`UsageError` for a factory string that FAISS does not know, or that keeps no lists.
        """
        faiss.omp_set_num_threads(1)  # holds for the calling thread only
        try:
            index = _made(factory, sample.shape[1])
            made = cls(index, b"")
            made._train(sample)
        except RuntimeError as error:
            raise _refused(factory, error) from error
        index.is_trained = True
        return cls(index, faiss.serialize_index(index).tobytes())

    @classmethod
    def restore(cls, training: bytes) -> InvertedFile:
        """An empty one, trained as :attr:`training` says. Raises :class:`SnapshotError`."""
        try:
            return cls(faiss.deserialize_index(np.frombuffer(training, np.uint8)), training)
        except (RuntimeError, UsageError) as error:
            raise SnapshotError(f"FAISS cannot read its trained part: {str(error).splitlines()[-1]}") from error

    def _train(self, sample: FloatArray) -> None:
        for transform in self._transforms:
            transform.train(sample)
            sample = transform.apply(sample)
        quantizer: Any = faiss.downcast_index(self._ivf.quantizer)
        if isinstance(quantizer, faiss.IndexFlat):
            kmeans = faiss.Kmeans(
                sample.shape[1],
                self.lists,
                niter=KMEANS_ROUNDS,
                spherical=True,
                min_points_per_centroid=1,
                max_points_per_centroid=2 * SAMPLES_PER_LIST,
            )
            kmeans.train(sample)
            centroids: Any = kmeans.centroids
            quantizer.add(centroids)
        self._ivf.train(sample)

    @property
    def size(self) -> int:
        return int(self._ivf.ntotal)

    @property
    def lists(self) -> int:
        """How many lists there are: as many as can be probed."""
        return int(self._ivf.nlist)

    def encode(self, vectors: FloatArray, *, threads: int = 1) -> Codes:
        """What :meth:`append` takes, for float32 (n, dimension)."""
        faiss.omp_set_num_threads(threads)
        codes: Codes = self._ivf.sa_encode(self._transformed(vectors))
        return codes

    def append(self, ids: IdArray, codes: Codes) -> None:
        """``ids`` must not be there."""
        if len(ids):
            self._ivf.add_sa_codes(codes, ids)

    def remove(self, ids: IdArray) -> int:
        """Reads all ids, which takes some 5 ms a million. How many were there."""
        if not len(ids):
            return 0
        faiss.omp_set_num_threads(1)
        return int(self._ivf.remove_ids(ids))

    def candidates(
        self, query: FloatArray, count: int, probes: int, *, max_id: int | None = None, among: IdArray | None = None
    ) -> IdArray:
        """Up to ``count`` ids, each once, that may be nearest to ``query``, float32 (dimension,); likely ones first.

        ``among``, ascending, leaves others out; else ``max_id`` does.
        """
        faiss.omp_set_num_threads(1)
        selector: Any = None
        if among is not None:
            selector = selector_of(among)
        elif max_id is not None:
            selector = faiss.IDSelectorRange(0, max_id + 1)
        # Of its own for each call: the index is shared, and so is its nprobe. The stub forgets what it takes.
        parameters = faiss.SearchParametersIVF(nprobe=min(probes, self.lists), sel=selector)  # type: ignore[call-arg]
        _, found = self._ivf.search(self._transformed(query[np.newaxis]), count, params=parameters)
        ids: IdArray = found[0]
        return ids[ids >= 0]  # FAISS pads with -1

    def _transformed(self, vectors: FloatArray) -> FloatArray:
        for transform in self._transforms:
            vectors = transform.apply(vectors)
        return vectors

    @property
    def code_size(self) -> int:
        """Bytes of a code in its list."""
        return int(self._ivf.code_size)

    def copy(self, number: int) -> tuple[IdArray, Codes]:
        """Ids (n,) and codes (n, code size) of a list."""
        lists, width = self._ivf.invlists, self.code_size
        size = lists.list_size(number)
        if not size:
            return np.empty(0, np.int64), np.empty((0, width), np.uint8)
        ids = faiss.rev_swig_ptr(lists.get_ids(number), size).copy()
        return ids, faiss.rev_swig_ptr(lists.get_codes(number), size * width).reshape(size, width).copy()

    def fill(self, number: int, ids: IdArray, codes: Codes) -> None:
        """Put into a list what :meth:`copy` gave."""
        if not 0 <= number < self.lists or codes.shape != (len(ids), self._ivf.code_size):
            raise SnapshotError(f"list {number} of {codes.shape} codes: expected one of {self.lists}")
        if not len(ids):
            return
        ids, codes = np.ascontiguousarray(ids), np.ascontiguousarray(codes)
        self._ivf.invlists.add_entries(number, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
        self._ivf.ntotal += len(ids)


def cosines(query: FloatArray, rows: Half) -> FloatArray:
    """Of ``query``, float32 (dimension,), with each of ``rows``, float16 (n, dimension), both of length 1; one core."""
    scores = np.empty(len(rows), np.float32)
    if not len(rows):
        return scores
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    codes: Any = flat
    codes.add_sa_codes(rows.view(np.uint8))
    best_first, places = codes.search(query[np.newaxis], len(rows))
    scores[places[0]] = best_first[0]
    return np.clip(scores, -1.0, 1.0)  # float16 rounds lengths


def exact(queries: FloatArray, vectors: FloatArray, k: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cosines and rows of the ``k`` nearest among ``vectors`` to each query, both float32 of length 1; one core."""
    faiss.omp_set_num_threads(1)
    scores, rows = faiss.knn(queries, vectors, min(k, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)
    return scores, rows
