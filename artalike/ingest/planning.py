"""How many processes download and how many embed, on the machines that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PAIR_CPUS: Final = 6.0
"""Processors of one process that downloads and one that embeds: more do not make one event loop faster."""
EMBEDDING_SHARE: Final = 2 / 3
"""Of the time of the processors, where no GPU embeds: decoding a photograph and its thumbnails takes the rest."""
FEEDING_CPUS: Final = 2.0
"""Of one process that downloads for a GPU."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What Ray may use of one machine."""

    cpus: float
    gpus: float = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """``cpus`` and ``gpus`` are of one process."""

    downloaders: int
    downloader_cpus: float
    embedders: int
    embedder_cpus: float
    embedder_gpus: int = 0

    @property
    def threads(self) -> int:
        """Of the network in one process."""
        return max(1, round(self.embedder_cpus))


def plan(machines: Sequence[Machine], *, use_gpus: bool = True, like: Plan | None = None) -> Plan:
    """As many processes as the machines hold; at least one of each kind, since a cluster may grow when it is asked to.

    Every GPU embeds, and all processors download for them. Without GPUs each process that embeds has one that
    downloads for it. ``like`` is an earlier plan: the processes are then as large as there.
    """
    cpus = [machine.cpus for machine in machines]
    gpus = sum(int(machine.gpus) for machine in machines) if use_gpus else 0
    if like.embedder_gpus if like else gpus:
        # What drives a GPU takes little of a processor: all of them download.
        feeding = like.downloader_cpus if like else _size(cpus, FEEDING_CPUS)
        return Plan(_fitting(cpus, feeding), feeding, max(1, gpus), 0.0, 1)
    pair = round(like.downloader_cpus + like.embedder_cpus, 2) if like else _size(cpus, PAIR_CPUS)
    pairs, embedding = _fitting(cpus, pair), round(pair * EMBEDDING_SHARE, 2)
    return Plan(pairs, round(pair - embedding, 2), pairs, embedding)


def _size(cpus: Sequence[float], most: float) -> float:
    """That of the smallest machine but for those that would make all processes less than half as large."""
    wanted = min(most, max(cpus, default=0.0) or 1.0)
    return min([wanted, *(have for have in cpus if have >= wanted / 2)])


def _fitting(cpus: Sequence[float], size: float) -> int:
    return max(1, sum(int(have // size) for have in cpus))
