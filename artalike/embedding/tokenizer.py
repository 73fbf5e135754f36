"""open_clip's tokenizers: texts to the numbers that a text encoder reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import open_clip
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

Tokenizer = Callable[[Sequence[str]], Tensor]
"""From n texts to int64 (n, context length); what is longer is cut off."""

KEPT_MOST: Final = 4096
"""Words whose tokens are kept: open_clip keeps those of every word that it ever meets."""


def load(name: str) -> Tokenizer:
    """The tokenizer of a model, after open_clip's name for it.

    CLIP's own comes inside open_clip. Those of SigLIP and others are downloaded, by the package transformers.
    Raises whatever that, open_clip and the hub's client raise, which is documented nowhere.
    """
    tokenizer: Any = open_clip.get_tokenizer(name)
    empty = dict(tokenizer.cache) if isinstance(tokenizer, SimpleTokenizer) else None

    def tokenize(texts: Sequence[str]) -> Tensor:
        if empty is not None and len(tokenizer.cache) > KEPT_MOST:
            tokenizer.cache = dict(empty)
        tokens: Tensor = tokenizer(list(texts))
        return tokens

    return tokenize
