"""Pictures and texts to vectors. The only room that knows torch, timm and open_clip.

Importing it takes no time: torch, which takes seconds, is imported when a network is loaded.
"""

from __future__ import annotations

from artalike.embedding.batcher import Batcher, BatcherStatistics
from artalike.embedding.card import ModelCard, Network, TextNetwork
from artalike.embedding.models import identify, load

__all__ = ["Batcher", "BatcherStatistics", "ModelCard", "Network", "TextNetwork", "identify", "load"]
