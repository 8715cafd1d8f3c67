"""Inference and evaluation: one predictor, built from a bundle's inference config."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, SaveImaged

from cladeseg.bundle.run_folder import configure_logging
from cladeseg.files import DataError
from cladeseg.segmentation.data import find_images, inspect_images, raise_if_fatal
from cladeseg.segmentation.engines import choose_device, load_weights
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.transforms import chosen_modalities
from cladeseg.segmentation.workflow.trained import find_bundle_weights

logger = logging.getLogger(__name__)


def load_predictor(
    bundle_root: str | Path,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    label_convention: str | None = None,
    modalities: str | Sequence[str] | None = None,
    config: str = "configs/inference.json",
) -> Predictor:
    """The Python way to a bundle's masks: the same transforms and network as its inference command.

    Args:
        bundle_root: the bundle's folder.
        weights: a ``.pt`` or ``.safetensors`` file; the bundle's promoted one if ``None``.
        device: where to predict.
        label_convention: file convention of the masks; the config's if ``None``.
        modalities: the ones that are looked at, where images have several; all if ``None``.
        config: the inference config inside the bundle.

    Raises:
        DataError: the config or the weights are missing, do not belong together, or are not those that were recorded.
    """
    root = Path(bundle_root)
    if not (root / config).is_file():
        raise DataError(f"{root / config}: not found; is {root} a bundle's folder?")
    path = find_bundle_weights(root, weights)
    parser = ConfigParser()
    parser.read_config(str(root / config))
    parser.update({"bundle_root": str(root), "weights": str(path), "device": str(choose_device(device))})
    parser.update(
        {k: v for k, v in (("label_convention", label_convention), ("modalities", modalities)) if v is not None}
    )
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


def image_cases(
    dataset_dir: str | Path,
    output_dir: str | Path | None = None,
    *,
    modalities: Sequence[str] = (),
    use: str | Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Every image under a folder, checked, as ``{"image": path or paths, "case": name}``.

    Label files of known layouts (``*_gt.nii.gz``) are left out, and whatever lies in ``output_dir``.  Where images have
    several modalities, the log says which of them each case is predicted from.

    Args:
        dataset_dir: a folder, or a file.
        output_dir: where masks go.
        modalities: names of the channels; empty for single-channel images.
        use: the modalities that are looked at; all that a case has if ``None``.

    Raises:
        DataError: there are none, or some cannot be predicted; the message names the files.
        ValueError: no such modality.
    """
    configure_logging()
    chosen = chosen_modalities(use, modalities)
    cases = find_images(dataset_dir, leave_out=output_dir, modalities=modalities, use=chosen)
    raise_if_fatal(inspect_images(cases, modalities=modalities))
    for case in cases if modalities else []:
        logger.info("%s: predicted from %s", case["case"], ", ".join(case["modalities"]))
    return cases


def run_inference(evaluator: SupervisedEvaluator, output_dir: str | Path) -> None:
    """Run an inference engine over its images; the masks lie in ``output_dir/predictions``."""
    configure_logging()
    evaluator.run()
    logger.info("masks are in %s", Path(output_dir) / "predictions")
