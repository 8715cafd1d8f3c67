"""Inference and evaluation: one predictor, built from a bundle's inference config."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, SaveImaged

from cladeseg.bundle.run_folder import configure_logging
from cladeseg.data import find_images, inspect_images, require_sound
from cladeseg.engines import choose_device, load_weights
from cladeseg.errors import DataError
from cladeseg.inferers import Predictor

logger = logging.getLogger(__name__)


def load_predictor(
    bundle_root: str | Path,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    config: str = "configs/inference.json",
) -> Predictor:
    """The Python way to a bundle's masks: the same transforms and network as its inference command.

    Args:
        bundle_root: the bundle's folder.
        weights: a ``model.pt``; the bundle's promoted one if ``None``.
        device: where to predict.
        config: the inference config inside the bundle.

    Raises:
        DataError: the config or the weights are missing, or do not belong together.
    """
    root = Path(bundle_root)
    if not (root / config).is_file():
        raise DataError(f"{root / config}: not found; is {root} a bundle's folder?")
    path = Path(weights) if weights is not None else root / "models" / "model.pt"
    parser = ConfigParser()
    parser.read_config(str(root / config))
    parser.update({"bundle_root": str(root), "weights": str(path), "device": str(choose_device(device))})
    network = load_weights(parser.get_parsed_content("network"), path)
    logger.info("weights: %s", path)
    return Predictor(
        network,
        parser.get_parsed_content("preprocessing"),
        parser.get_parsed_content("inferer"),
        _without_saving(parser.get_parsed_content("postprocessing")),
        device=choose_device(device),
    )


def _without_saving(postprocessing: Compose) -> Compose:
    return Compose([t for t in postprocessing.transforms if not isinstance(t, SaveImaged)])


def image_cases(dataset_dir: str | Path, output_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """Every NIfTI image under a folder, checked, as ``{"image": path, "case": name}``.

    Label files of known layouts (``*_gt.nii.gz``) are left out, and whatever lies in ``output_dir``.

    Raises:
        DataError: there are none, or some cannot be predicted; the message names the files.
    """
    configure_logging()
    cases = find_images(dataset_dir, leave_out=output_dir)
    require_sound(inspect_images(cases))
    return cases


def run_inference(evaluator: SupervisedEvaluator, output_dir: str | Path) -> None:
    """Run an inference engine over its images; the masks lie in ``output_dir/predictions``."""
    configure_logging()
    evaluator.run()
    logger.info("masks are in %s", Path(output_dir) / "predictions")
