"""Inference and evaluation: one predictor, built from a bundle's inference config."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, SaveImaged

from cladeseg.bundle.command_line import read_config, refuse_indirect
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.provenance import versions
from cladeseg.bundle.run_folder import configure_logging
from cladeseg.bundle.validate_format import INFERENCE
from cladeseg.files import DataError, remove_leftovers
from cladeseg.segmentation.data import find_images, inspect_images, raise_if_fatal
from cladeseg.segmentation.engines import load_weights
from cladeseg.segmentation.inferers import Predictor, flips_of
from cladeseg.segmentation.transforms import chosen_modalities
from cladeseg.segmentation.workflow.output_files import OutputFiles
from cladeseg.segmentation.workflow.trained import find_bundle_weights

logger = logging.getLogger(__name__)


class BundlePredictor(Predictor):
    """The predictor that a bundle's inference config describes.

    Args:
        config: the parsed config.
        weights: a ``.pt`` or ``.safetensors`` file.
        device: where to predict.
        flips: see :func:`~cladeseg.segmentation.inferers.flips_of`.
        max_ram: GiB of memory for p(leaf), see :class:`~cladeseg.segmentation.inferers.Predictor`.

    Attributes:
        weights: the file.
        channels: names of an image's modalities; empty where images have one.
        modalities: the ones that are looked at; ``None`` for all.
        label_convention: file convention of the masks.
        overlap: share of a sliding window that the next one covers again.
        profile: how thorough inference is, see :data:`~cladeseg.segmentation.workflow.inference_profiles.PROFILES`.

    Raises:
        ValueError: an option has no such value.
    """

    def __init__(
        self,
        config: ConfigParser,
        weights: Path,
        *,
        device: torch.device,
        flips: str = "none",
        max_ram: float | None = None,
    ) -> None:
        super().__init__(
            load_weights(config.get_parsed_content("network"), weights),
            config.get_parsed_content("preprocessing"),
            config.get_parsed_content("inferer"),
            _without_saving(config.get_parsed_content("postprocessing")),
            device=device,
            flips=flips_of(flips, config.get_parsed_content("taxonomy")),
            max_ram=max_ram,
        )
        self.weights = weights
        self.channels = tuple(config.get_parsed_content("model").channels)
        self.modalities = chosen_modalities(config.get_parsed_content("modalities"), self.channels)
        self.label_convention = str(config.get_parsed_content("label_convention"))
        self.overlap = float(config.get_parsed_content("overlap"))
        self.profile = str(config.get_parsed_content("profile"))
        self._loaded_with: dict[str, Any] | None = None

    def options(self) -> dict[str, Any]:
        """What decides its masks, besides the weights, as JSON holds it."""
        kept = (self._loaded_with or {}).get("keep_largest")
        return {
            "label_convention": self.label_convention,
            "modalities": None if self.modalities is None else list(self.modalities),
            "overlap": self.overlap,
            "profile": self.profile,
            "flips": [list(axes) for axes in self.flips],
            "keep_largest": kept if kept is None or isinstance(kept, str) else list(kept),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the same bundle again, instead of being sent a network.

        Raises:
            TypeError: it was not made by :func:`load_predictor`.
        """
        if self._loaded_with is None:
            raise TypeError("a BundlePredictor goes to another process only if load_predictor made it")
        return _load_again, (self._loaded_with,)


def _load_again(options: Mapping[str, Any]) -> BundlePredictor:
    return load_predictor(**options)


def load_predictor(
    bundle_root: str | Path,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    label_convention: str | None = None,
    modalities: str | Sequence[str] | None = None,
    overlap: float | None = None,
    profile: str | None = None,
    flips: str = "none",
    max_ram: float | None = None,
    keep_largest: str | Sequence[str] | None = None,
    config: str = INFERENCE,
) -> BundlePredictor:
    """The Python way to a bundle's predictions: the same transforms and network as its inference command.

    Args:
        bundle_root: the bundle's folder.
        weights: a ``.pt`` or ``.safetensors`` file; the bundle's promoted one if ``None``.
        device: where to predict.
        label_convention: file convention of the masks; the config's if ``None``.
        modalities: the ones that are looked at, where images have several; all if ``None``.
        overlap: share of a sliding window that the next one covers again; the config's if ``None``.
        profile: ``"fast"``, ``"balanced"`` or ``"best"``, see
            :func:`~cladeseg.segmentation.workflow.model_inferer`; the config's if ``None``.
        flips: ``"none"``, ``"allowed"`` for all mirrored views that the tree allows, or anatomical axes with commas
            between them; p(leaf) is averaged over the views.
        max_ram: GiB of memory for p(leaf); beyond it, it lies in a temporary file.  The masks are the same.  No limit
            if ``None``.
        keep_largest: superclasses of which only the largest component is kept, ``"none"`` for no one; what the weights'
            description says if ``None``.
        config: the inference config inside the bundle.

    Raises:
        DataError: the config or the weights are missing, do not belong together, or are not those that were recorded.
        ValueError: an option has no such value.
    """
    root, chosen = Path(bundle_root), choose_device(device)
    if not (root / config).is_file():
        raise DataError(f"{root / config}: not found; is {root} a bundle's folder?")
    path = find_bundle_weights(root, weights)
    parser = ConfigParser(read_config(root / config))
    # Paths as paths: MONAI would make '::' of a '#' in a text.
    parser.update({"bundle_root": root, "weights": path, "device": str(chosen)})
    given: dict[str, Any] = {
        "label_convention": label_convention,
        "modalities": modalities,
        "overlap": overlap,
        "profile": profile,
        "keep_largest": keep_largest,
    }
    for name, value in given.items():
        refuse_indirect(name, value)
    parser.update({key: value for key, value in given.items() if value is not None})
    logger.info("weights: %s", path)
    predictor = BundlePredictor(parser, path, device=chosen, flips=flips, max_ram=max_ram)
    again = {"weights": path.absolute(), "device": device, "flips": flips, "max_ram": max_ram, "config": config}
    predictor._loaded_with = {"bundle_root": root.absolute(), **given, **again}
    return predictor


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

    Labels (``*_gt.nii.gz`` …) and earlier masks are left out, and whatever lies in ``output_dir``.  Where images have
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


def run_inference(
    evaluator: SupervisedEvaluator,
    output_dir: str | Path,
    *,
    output_format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Run an inference engine over its images; the masks lie in ``output_dir/predictions``.

    ``prediction.json`` beside them lists them, so that nobody takes them for images.

    Args:
        evaluator: its data set lists the images.
        output_dir: folder of the run.
        output_format: see :func:`~cladeseg.volumes.output_ending`.
        overwrite: set aside the masks of an earlier run, as ``NAME.1``.

    Raises:
        DataError: a mask would be written over an image, into another folder, or over an earlier mask.
    """
    configure_logging()
    remove_leftovers(output_dir)
    masks = Path(output_dir) / "predictions"
    cases = evaluator.data_loader.dataset.data
    files = OutputFiles(masks, cases, output_format=output_format)
    there = [file for case in cases for file in files.existing(case["case"])]
    if there and not overwrite:
        raise DataError(f"{there[0]}: is there already; add --overwrite True to set it aside, or choose another folder")
    files.begin({"versions": versions()}, overwrite=overwrite)
    evaluator.run()
    logger.info("masks are in %s", masks)
