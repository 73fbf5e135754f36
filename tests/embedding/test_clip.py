"""open_clip's real loading path, with small models that the tests make."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from huggingface_hub import constants
from open_clip import factory

from artalike.config import EmbeddingSettings
from artalike.embedding import TextNetwork, identify, load, tokenizer
from artalike.errors import ModelUnavailable
from artalike.imaging.model_input import model_input
from tests.imaging.pictures import photo

TINY: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}

TEXTS = ["The Great Wave", "a boat", "", "波", "a very long text " * 50]


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


def write(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(json.dumps(config))
    return path


def in_folder(tmp_path: Path, checkpoint: Path, config: dict[str, Any]) -> EmbeddingSettings:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": {}})
    (folder / "open_clip_model.pth").write_bytes(checkpoint.read_bytes())
    return named(f"local-dir:{folder}")


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


def test_texts_get_what_open_clip_gives_them(tiny: Path) -> None:
    settings = named(f"Tiny-Test/{tiny}")
    network = load(identify(settings), settings)
    assert isinstance(network, TextNetwork)
    vectors = network.embed_texts(TEXTS)

    model = open_clip.create_model("Tiny-Test", pretrained=str(tiny)).eval()
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer("Tiny-Test")(TEXTS), normalize=True).numpy()
    assert vectors.shape == (5, 24)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected, atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01
    assert np.allclose(network.embed_texts(TEXTS[1:2]), vectors[1:2], atol=1e-5)  # whatever stands beside it
    cut_off = network.embed_texts(["a very long text " * 3])  # more tokens than the context has places
    assert np.allclose(cut_off, vectors[4:], atol=1e-5)


def test_a_folder_has_its_tokenizer_and_context(tiny: Path, tmp_path: Path) -> None:
    settings = in_folder(tmp_path, tiny, TINY)
    network = load(identify(settings), settings)
    assert isinstance(network, TextNetwork)
    direct = named(f"Tiny-Test/{tiny}")
    other = load(identify(direct), direct)
    assert isinstance(other, TextNetwork)
    assert np.allclose(network.embed_texts(TEXTS), other.embed_texts(TEXTS), atol=1e-5)


@pytest.mark.parametrize("text_cfg", [{"hf_tokenizer_name": "no/such"}, {"vocab_size": 100}], ids=["absent", "other"])
def test_a_text_encoder_without_its_tokenizer_leaves_pictures_and_one_warning(
    tiny: Path, tmp_path: Path, text_cfg: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    config = {**TINY, "text_cfg": {**TINY["text_cfg"], **text_cfg}}
    open_clip.add_model_config(write(tmp_path / "Other-Test.json", config))
    torch.save(open_clip.create_model("Other-Test").state_dict(), tiny)
    settings = in_folder(tmp_path, tiny, config)
    with caplog.at_level(logging.WARNING, logger="artalike"):
        network = load(identify(settings), settings)
    assert not isinstance(network, TextNetwork)
    assert network.embed(np.full((1, 32, 32, 3), 9, np.uint8)).shape == (1, 24)
    [record] = [record for record in caplog.records if record.name.startswith("artalike")]
    message = record.getMessage()
    assert message.startswith(f'embedding.model = "{settings.model}": its text encoder cannot be used (')
    assert message.endswith("texts are looked for in the metadata alone")
    assert "\n" not in message


def test_what_strangers_type_is_not_kept_for_ever(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "KEPT_MOST", 20)
    simple = open_clip.get_tokenizer("Tiny-Test")
    monkeypatch.setattr(open_clip, "get_tokenizer", lambda _: simple)
    tokenize = tokenizer.load("Tiny-Test")
    first = tokenize(["wave 波"])
    for number in range(100):
        tokenize([f"word{'x' * number}"])
        assert len(simple.cache) <= 20 + 2
    assert torch.equal(tokenize(["wave 波"]), first)


def in_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: str, files: dict[str, bytes]) -> None:
    """These files of a repository are in the hub's cache, and the hub itself is nowhere."""
    cache = tmp_path / "cache" / f"models--{repository.replace('/', '--')}"
    snapshot = cache / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port, where nobody listens


def test_a_model_of_the_hub_that_is_here_needs_no_network(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}).encode()
    files = {"open_clip_config.json": config, "open_clip_pytorch_model.bin": tiny.read_bytes()}
    in_cache(tmp_path, monkeypatch, "someone/tiny", files)
    settings = named("hf-hub:someone/tiny")
    card = identify(settings)
    assert card.model_id.startswith("hf-hub:someone/tiny@")
    network = load(card, settings)
    assert isinstance(network, TextNetwork)
    assert network.embed_texts(["a wave"]).shape == (1, 24)


def test_a_pretrained_tag_that_is_here_needs_no_network(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: {"hf_hub": "someone/tiny/"})
    in_cache(tmp_path, monkeypatch, "someone/tiny", {"open_clip_pytorch_model.bin": tiny.read_bytes()})
    settings = named("Tiny-Test/some_tag")
    network = load(identify(settings), settings)
    assert isinstance(network, TextNetwork)


@pytest.mark.parametrize("name", ["hf-hub:nobody/nothing", "ViT-B-32/laion2b_s34b_b79k"])
def test_a_hub_that_does_not_answer_is_told_in_one_line_and_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    in_cache(tmp_path, monkeypatch, "someone/else", {})
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="cannot be reached") as caught:
        identify(named(name))
    assert time.monotonic() - started < 8
    assert str(caught.value).startswith(f'embedding.model = "{name}": it is not here and cannot be downloaded (http://')
    assert "set embedding.model to ARCHITECTURE/path/to/checkpoint" in str(caught.value)
    assert "\n" not in str(caught.value)
