"""The measurements that were asked for, one after the other, in one file with the machine's description."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.benchmark.measured import measured_now, shown_path
from cladeseg.benchmark.speed.contrast import contrast_speed, contrast_table
from cladeseg.benchmark.speed.evaluation import evaluation_speed, evaluation_table
from cladeseg.benchmark.speed.inference import inference_speed, inference_table
from cladeseg.benchmark.speed.loader import loader_speed, loader_table
from cladeseg.benchmark.speed.step import step_speed, step_table
from cladeseg.files import DataError, check_choice, write_json
from cladeseg.segmentation.phantoms import task_of, write_phantoms

logger = logging.getLogger(__name__)

#: What can be measured.
SPEEDS = ("step", "loader", "inference", "contrast", "evaluation")
_TABLES = {
    "step": step_table,
    "loader": loader_table,
    "inference": inference_table,
    "contrast": contrast_table,
    "evaluation": evaluation_table,
}


def speed(
    parts: Sequence[str],
    bundle_root: str | Path,
    dataset_dir: str | Path | None = None,
    *,
    weights: str | Path | None = None,
    split: str = "test",
    cases: int = 4,
    rounds: int = 12,
    output: str | Path | None = None,
) -> dict[str, Any]:
    """Measure some of :data:`SPEEDS`.

    Args:
        parts: which.
        bundle_root: the bundle's folder.
        dataset_dir: cases in its layout; the bundle's phantoms if left out.
        weights: of a run, for inference.
        split: cases of inference, see :func:`~cladeseg.benchmark.speed.inference.inference_speed`.
        cases: how many of them.
        rounds: of the step.
        output: a JSON file for the result.

    Returns:
        What :func:`~cladeseg.benchmark.measured.measured_now` says, and the result of each part under its name.

    Raises:
        DataError: inference is asked for without weights or cases, or the cases cannot be used.
    """
    for part in parts:
        check_choice("part", part, SPEEDS)
    of_trained = _inference_options(parts, dataset_dir, weights)
    source = "phantoms" if dataset_dir is None else shown_path(dataset_dir)
    result: dict[str, Any] = {"bundle": Path(bundle_root).name, "dataset": source, **measured_now()}
    with tempfile.TemporaryDirectory(prefix="cladeseg-speed.") as draft:
        folder = Path(draft)
        for part in parts:
            logger.info("measuring: %s", part)
            if part == "contrast":
                result[part] = contrast_speed()
            elif part == "evaluation":
                result[part] = evaluation_speed()
            elif part == "inference":
                result[part] = inference_speed(bundle_root, **of_trained, split=split, cases=cases)
            else:
                data = _data(bundle_root, dataset_dir, folder)
                result[part] = _training_speed(part, bundle_root, data, folder, rounds)
    if output is not None:
        write_json(result, output)
    return result


def _inference_options(
    parts: Sequence[str], dataset_dir: str | Path | None, weights: str | Path | None
) -> dict[str, Any]:
    if "inference" not in parts:
        return {}
    if weights is None or dataset_dir is None:
        raise DataError("--inference: needs --dataset and --weights, the models/model.pt of a run")
    return {"dataset_dir": dataset_dir, "weights": weights}


def _training_speed(part: str, bundle_root: str | Path, data: Path, folder: Path, rounds: int) -> dict[str, Any]:
    if part == "loader":
        return loader_speed(bundle_root, data, folder)
    return step_speed(bundle_root, data, folder, rounds=rounds)


def _data(bundle_root: str | Path, dataset_dir: str | Path | None, folder: Path) -> Path:
    if dataset_dir is not None:
        return Path(dataset_dir)
    phantoms = folder / "phantoms"
    if not phantoms.exists():
        write_phantoms(task_of(bundle_root), phantoms)
    return phantoms


def speed_tables(result: Mapping[str, Any]) -> str:
    """The result as Markdown tables."""
    return "\n\n".join(_TABLES[part](result[part]) for part in SPEEDS if part in result)
