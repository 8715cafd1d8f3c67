"""From an image file to a prediction on the image's own grid: the one path that every command takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from torch import Tensor, nn

from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.data import ImageFiles, channel_files, volume_files
from cladeseg.segmentation.inferers.flips import mean_log_probs
from cladeseg.segmentation.inferers.prediction import Prediction
from cladeseg.segmentation.inferers.restore_by_leaf import needs_file, restore_by_leaf
from cladeseg.segmentation.transforms import UNMIRRORED, LeavesToLabeld, Views, check_scores
from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.volumes import read_grid


class Predictor:
    """Preprocess, predict, undo the preprocessing, label.

    Args:
        network: gives log p(leaf) (1, L, *S) in eval mode; stays on its device.
        preprocessing: from ``{"image": path, or list of one path or None per channel}`` to
            ``{"image": MetaTensor (C, *S), "array_axes": long (3,)}``, see
            :class:`~cladeseg.segmentation.transforms.OrientAxesd`; the latter may lack where there are no flips.
        inferer: ``inferer(images (1, C, *S), network)``, e.g. a sliding window.
        postprocessing: from ``{"image", "pred"}`` to the label on the original grid; one of its transforms is a
            ``LeavesToLabeld``, and what comes before it ends in p(leaf) on the original grid.
        device: where the network is.
        flips: sets of anatomical axes; p(leaf) is averaged over one view of the image for each, mirrored along them.
            ``()`` is the image itself.
        max_ram: GiB that p(leaf) may take; beyond it, it lies in a file mapped to memory.  No limit if ``None``.

    Attributes:
        taxonomy: the tree that the labels are of.
        restore: the postprocessing up to p(leaf) on the image's own grid.

    Raises:
        ValueError: the postprocessing makes no label, or no memory may be used.
        TaxonomyError: the tree does not allow a flip.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Callable[[dict[str, Any]], dict[str, Any]],
        inferer: Callable[..., Tensor],
        postprocessing: Compose,
        *,
        device: str | torch.device = "cpu",
        flips: Views = UNMIRRORED,
        max_ram: float | None = None,
    ) -> None:
        self.network = network.eval()
        self.preprocessing = preprocessing
        self.inferer = inferer
        self.restore, self._label, labeller = _split(postprocessing)
        self.taxonomy = labeller.taxonomy
        self._values = tuple(labeller.table.tolist())
        self.device = torch.device(device)
        if max_ram is not None and max_ram <= 0:
            raise ValueError(f"max_ram: GiB of memory above 0, not {max_ram}")
        self.max_ram = max_ram
        self.flips = tuple(self.taxonomy.flips(axes) for axes in flips)

    def __call__(self, image: ImageFiles) -> MetaTensor:
        """Label one image.

        Args:
            image: its file, or a list with one file per channel, ``None`` where a modality is missing.

        Returns:
            (1, x, y, z) integers of the bundle's label convention, with the image's shape and affine.

        Raises:
            DataError: the image cannot be used; the message starts with the path of its file, or of the first one.
        """
        return self.predict(image).label

    @torch.no_grad()
    def predict(self, image: ImageFiles) -> Prediction:
        """Label one image and keep the probabilities that the label was taken from.

        Args:
            image: as for a call.

        Raises:
            DataError: as for a call.
        """
        item = self._load(image)
        by_leaf = self._is_large(item, image)
        item["pred"] = self.predicted(item)
        return self.labelled(restore_by_leaf(self.restore, item) if by_leaf else self.restore(item))

    def _is_large(self, item: dict[str, Any], image: ImageFiles) -> bool:
        """Whether p(leaf) on the image's own grid is more than may be in memory."""
        if self.max_ram is None:
            return False
        file = volume_files(image)[0]
        own, seen = read_grid(file).shape, item["image"].shape[1:]
        return needs_file(self.taxonomy.num_leaves, seen=seen, own=own, max_ram=self.max_ram, source=str(file))

    def labelled(self, item: dict[str, Any]) -> Prediction:
        """The prediction of an item whose ``pred`` is p(leaf) on the image's own grid."""
        scores = item["pred"]
        return Prediction(self._label(item)["pred"], scores, self.taxonomy, self._values)

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
        item = self._load(image)
        log_probs = self.predicted(item)
        check_scores(log_probs, file_of(item["image"], "image"))
        return log_probs

    def predicted(self, item: dict[str, Any]) -> MetaTensor:
        """Log p(leaf) (L, *S) of a preprocessed item, mean over the views, on the grid that the network sees."""
        seen: MetaTensor = item["image"]
        axes = item["array_axes"][None] if any(self.flips) else None
        scores = mean_log_probs(self._infer, seen.as_tensor()[None].to(self.device), self.flips, axes)
        return MetaTensor(scores[0], meta=seen.meta)

    def _infer(self, images: Tensor) -> Tensor:
        return self.inferer(images, self.network)

    def _load(self, image: ImageFiles) -> dict[str, Any]:
        first = volume_files(image)[0]
        try:
            return self.preprocessing(item_of(image))
        except Exception as error:
            cause = first_cause(error)
            named = isinstance(cause, DataError)
            raise DataError(str(cause) if named else f"{first}: {type(cause).__name__}: {cause}") from error


def item_of(image: ImageFiles) -> dict[str, Any]:
    """What the preprocessing takes: ``image``, one file or one for each channel."""
    files = [file and str(file) for file in channel_files(image)]
    return {"image": str(image) if isinstance(image, str | Path) else files}


def _split(postprocessing: Compose) -> tuple[Compose, Compose, LeavesToLabeld]:
    """The steps up to p(leaf) on the image's own grid, the others, and the first of those, which labels."""
    steps = list(postprocessing.transforms)
    for i, step in enumerate(steps):
        if isinstance(step, LeavesToLabeld):
            return Compose(steps[:i]), Compose(steps[i:]), step
    raise ValueError("postprocessing: none of its transforms is a LeavesToLabeld, so it makes no label")
