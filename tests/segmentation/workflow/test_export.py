"""Networks for other programs: the same mask, voxel by voxel, from every kind of file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cladeseg.bundle import check_overrides
from cladeseg.files import DataError
from cladeseg.segmentation.networks import build_network, passes_of
from cladeseg.segmentation.networks.two_pass import build_two_pass
from cladeseg.segmentation.workflow.export import FORMS, _write, export_network
from cladeseg.taxonomy import Taxonomy

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"
LEVELS = {"filters": [4, 8, 8], "kernels": [[3, 3, 1], 3, 3], "strides": [1, [2, 2, 1], 2], "seed": 0}


def saved(network: nn.Module, file: Path, form: str) -> Tensor:
    """What the opened file says of other images than it was made with, three at a time."""
    if form == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    channels = next(network.parameters()).shape[1]
    example = torch.randn(2, channels, 16, 16, 4, generator=torch.Generator().manual_seed(0))
    _write(network.eval(), example, file, form)
    with torch.no_grad():
        return torch.as_tensor(FORMS[form][1](file)(images(channels)))


def images(channels: int) -> Tensor:
    return torch.randn(3, channels, 16, 16, 4, generator=torch.Generator().manual_seed(1)) * 2


@pytest.mark.parametrize("form", list(FORMS))
def test_a_network_of_several_channels_labels_every_voxel_alike(
    form: str, brats_tree: Taxonomy, tmp_path: Path
) -> None:
    network = build_network(brats_tree, in_channels=4, **LEVELS).eval()  # type: ignore[arg-type]
    found = saved(network, tmp_path / "network", form)
    with torch.no_grad():
        expected = network(images(4))
    assert torch.equal(found.argmax(dim=1), expected.argmax(dim=1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("head", ["flat", "two_head"])
def test_every_head_can_be_traced(head: str, acdc_tree: Taxonomy, tmp_path: Path) -> None:
    network = build_network(acdc_tree, head=head, **LEVELS).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        torch.testing.assert_close(
            saved(network, tmp_path / "network", "torchscript"), network(images(1)), atol=1e-4, rtol=1e-4
        )


def test_each_of_two_passes_is_a_network_of_its_own(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    network = build_two_pass(acdc_tree, first=LEVELS, second=LEVELS).eval()
    leaves = [saved(each, tmp_path / str(i), "torchscript").shape[1] for i, each in enumerate(passes_of(network))]
    assert leaves == [2, acdc_tree.num_leaves]


class DropsChannels(nn.Module):
    """A network whose answer depends on how often it was called, so that no file can repeat it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        return torch.cat([image * self.calls, 2 - image * 0, image * 0], dim=1)


def test_a_file_with_another_mask_is_refused_and_not_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"network: the torchscript network labels \d+ of \d+ voxels otherwise"):
        _write(DropsChannels(), torch.rand(2, 1, 4, 4, 4), tmp_path / "network", "torchscript")
    assert not list(tmp_path.iterdir())


def test_a_bundle_s_own_weights_are_exported_and_never_over_a_file(tmp_path: Path) -> None:
    (file,) = export_network(BUNDLE, tmp_path / "model.ts")
    assert torch.jit.load(str(file))(torch.zeros(1, 1, 32, 48, 32)).shape == (1, 3, 32, 48, 32)
    with pytest.raises(DataError, match=r"model\.ts: is there already"):
        export_network(BUNDLE, tmp_path / "model.ts")


def test_an_unknown_form_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="torchscript"):
        export_network(BUNDLE, tmp_path / "model", form="tensorrt")


def test_without_the_package_onnx_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", {"onnx": sys}.get)
    with pytest.raises(DataError, match=r"needs onnxscript, onnxruntime.*cladeseg\[onnx\]"):
        export_network(BUNDLE, tmp_path / "model", form="onnx")


@pytest.mark.parametrize("export", ["ckpt_export", "onnx_export", "trt_export"])
def test_monai_s_own_exports_are_no_overrides(export: str) -> None:
    program = "/env/monai/bundle/__main__.py"
    words = [program, export, "network_def", "--filepath", "model.ts", "--config_file", "configs/inference.json"]
    assert check_overrides(words) == {}
