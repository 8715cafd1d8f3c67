"""From an image file to a label on the image's own grid: the one path that every command takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.data import ImageFiles, channel_files, volume_files


class Predictor:
    """Preprocess, predict, undo the preprocessing, label.

    Args:
        network: gives log p(leaf) (1, L, *S) in eval mode; stays on its device.
        preprocessing: from ``{"image": path, or list of one path or None per channel}`` to
            ``{"image": MetaTensor (C, *S)}``.
        inferer: ``inferer(images (1, C, *S), network)``, e.g. a sliding window.
        postprocessing: from ``{"image", "pred"}`` to the label on the original grid, without the writing.
        device: where the network is.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Callable[[dict[str, Any]], dict[str, Any]],
        inferer: Callable[..., Tensor],
        postprocessing: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.inferer = inferer
        self.postprocessing = postprocessing
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, image: ImageFiles) -> MetaTensor:
        """Label one image.

        Args:
            image: its file, or a list with one file per channel, ``None`` where a modality is missing.

        Returns:
            (1, x, y, z) integers of the bundle's label convention, with the image's shape and affine.

        Raises:
            DataError: the image cannot be used; the message starts with the path of its file, or of the first one.
        """
        item = self._load(image)
        item["pred"] = self._predicted(item["image"])
        return self.postprocessing(item)["pred"]

    @torch.no_grad()
    def log_probs(self, image: ImageFiles) -> MetaTensor:
        """What the network says of one image, before it becomes a label.

        Args:
            image: as for a call.

        Returns:
            float32 (L, *S) log p(leaf) on the CPU, on the grid that the network sees, with that grid's affine.

        Raises:
            DataError: as for a call.
        """
        return self._predicted(self._load(image)["image"])

    def _predicted(self, seen: MetaTensor) -> MetaTensor:
        scores = self.inferer(seen.as_tensor()[None].to(self.device), self.network)
        return MetaTensor(scores[0].float().cpu(), meta=seen.meta)

    def _load(self, image: ImageFiles) -> dict[str, Any]:
        first = volume_files(image)[0]
        files = [file and str(file) for file in channel_files(image)]
        try:
            return self.preprocessing({"image": str(image) if isinstance(image, str | Path) else files})
        except Exception as error:
            cause = first_cause(error)
            named = isinstance(cause, DataError)
            raise DataError(str(cause) if named else f"{first}: {type(cause).__name__}: {cause}") from error
