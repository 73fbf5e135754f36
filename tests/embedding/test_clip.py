"""open_clip's real loading path, with small models that the tests make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip import factory

from artalike.config import EmbeddingSettings
from artalike.embedding import identify, load
from artalike.errors import ModelUnavailable
from artalike.imaging.model_input import model_input
from tests.imaging.pictures import photo

TINY: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The architecture Tiny-Test is known to open_clip, and the file returned holds weights for it."""
    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    config = tmp_path / "Tiny-Test.json"
    config.write_text(json.dumps(TINY))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    checkpoint = tmp_path / "tiny.pt"
    torch.save(open_clip.create_model("Tiny-Test").state_dict(), checkpoint)
    yield checkpoint
    config.unlink()


def named(model: str) -> EmbeddingSettings:
    return EmbeddingSettings(model=model, device="cpu")


def test_a_checkpoint_gives_what_open_clip_gives(tiny: Path) -> None:
    settings = named(f"Tiny-Test/{tiny}")
    card = identify(settings)
    assert (card.dimension, card.has_text) == (24, True)
    assert (card.preprocess.size, card.preprocess.resize, card.preprocess.squash) == (32, 32, False)

    images = [photo(90, 60, seed=seed) for seed in range(3)]
    batch = np.stack([model_input(image, card.preprocess) for image in images])
    vectors = load(card, settings).embed(batch)

    model, _, transform = open_clip.create_model_and_transforms("Tiny-Test", pretrained=str(tiny))
    with torch.inference_mode():
        stacked = torch.stack([transform(image) for image in images])
        expected = model.eval().encode_image(stacked, normalize=True).numpy()
    assert vectors.dtype == np.float32
    assert np.abs(vectors - expected).max() < 5e-3  # their transform rounds once more or less
    assert (vectors * expected).sum(axis=1).min() > 0.9999


def test_the_id_follows_the_weights_and_not_their_place(tiny: Path, tmp_path: Path) -> None:
    first = identify(named(f"Tiny-Test/{tiny}")).model_id
    moved = tmp_path / "elsewhere" / tiny.name
    moved.parent.mkdir()
    moved.write_bytes(tiny.read_bytes())
    assert identify(named(f"Tiny-Test/{moved}")).model_id == first
    assert first.startswith("Tiny-Test/tiny.pt@")

    torch.save(open_clip.create_model("Tiny-Test").state_dict(), tiny)
    assert identify(named(f"Tiny-Test/{tiny}")).model_id != first


def test_a_folder_brings_its_own_preprocessing(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "downloaded"
    folder.mkdir()
    preprocess = {
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    }
    config = {"model_cfg": TINY, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnavailable, match="no weights in"):
        identify(named(f"local-dir:{folder}"))

    (folder / "open_clip_model.pth").write_bytes(tiny.read_bytes())
    settings = named(f"local-dir:{folder}")
    card = identify(settings)
    assert card.preprocess.mean == (0.1, 0.2, 0.3)
    assert card.preprocess.std == (0.4, 0.5, 0.6)
    assert (card.preprocess.interpolation, card.preprocess.squash) == ("bilinear", True)
    assert card.model_id.startswith("local-dir:downloaded@")
    assert load(card, settings).embed(np.full((1, 32, 32, 3), 9, np.uint8)).shape == (1, 24)


def test_preprocessing_without_an_equal_is_refused(tiny: Path, tmp_path: Path) -> None:
    config = {"model_cfg": TINY, "preprocess_cfg": {"resize_mode": "longest"}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    tiny.rename(tmp_path / "model.pth")
    with pytest.raises(ModelUnavailable, match="expected a square, cropped or squashed"):
        identify(named(f"local-dir:{tmp_path}"))


def test_a_file_that_is_no_checkpoint_is_explained_in_one_line(tiny: Path) -> None:
    card = identify(named(f"Tiny-Test/{tiny}"))
    others = open_clip.create_model("Tiny-Test").state_dict()
    others.pop("visual.conv1.weight")
    for write in (lambda: tiny.write_bytes(b"nothing"), lambda: torch.save(others, tiny)):
        write()
        with pytest.raises(ModelUnavailable, match="open_clip cannot load") as caught:
            load(card, named(card.name))
        assert "\n" not in str(caught.value)


def test_a_file_is_taken_to_be_like_most_of_its_architectures_tags(tmp_path: Path) -> None:
    checkpoint = tmp_path / "downloaded.bin"
    checkpoint.write_bytes(b"not looked into")
    siglip = identify(named(f"ViT-B-16-SigLIP/{checkpoint}")).preprocess
    assert (siglip.mean, siglip.squash, siglip.size) == ((0.5, 0.5, 0.5), True, 224)
    mobile = identify(named(f"MobileCLIP-S1/{checkpoint}")).preprocess
    assert (mobile.mean, mobile.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert (mobile.interpolation, mobile.size) == ("bilinear", 256)
