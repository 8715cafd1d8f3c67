"""A bundle's ``models/model.pt`` changes only for a better model, measured on the same cases."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from cladeseg.errors import DataError
from cladeseg.files import read_json, whole_file

logger = logging.getLogger(__name__)


def promote(run_models: str | Path, bundle_models: str | Path, *, force: bool = False) -> bool:
    """Copy a run's ``model.pt`` and ``model.json`` into a bundle, if they are better than what is there.

    Better means a higher validation score on the same validation cases.  Scores of different cases are not
    comparable: then nothing is replaced unless ``force`` is set.

    Args:
        run_models: ``models`` folder of the run.
        bundle_models: ``models`` folder of the bundle.
        force: replace in any case.

    Returns:
        Whether the bundle's model is now the run's.

    Raises:
        DataError: the run has no trained model, or the bundle's folder cannot be written.
    """
    source, target = Path(run_models), Path(bundle_models)
    if not (source / "model.pt").is_file() or not (source / "model.json").is_file():
        raise DataError(f"{source}: holds no finished model to promote")
    reason = None if force else _reason_to_keep(source, target)
    if reason:
        logger.warning("%s is kept: %s", target / "model.pt", reason)
        return False
    _replace(source, target)
    logger.info("%s is now the model of %s", target / "model.pt", source)
    return True


def _reason_to_keep(source: Path, target: Path) -> str | None:
    if not (target / "model.pt").is_file():
        return None
    if not (target / "model.json").is_file():
        return "it has no description to compare with; 'cladeseg promote --force' replaces it"
    new, old = _validation(source), _validation(target)
    if new.get("fingerprint") != old.get("fingerprint"):
        return "it was validated on other cases, so the scores do not compare; 'cladeseg promote --force' replaces it"
    if new.get("score") is None:
        return "the new model has no validation score"
    if old.get("score") is not None and new["score"] <= old["score"]:
        return f"its validation Dice {old['score']:.4f} is not below the new {new['score']:.4f}"
    return None


def _validation(folder: Path) -> dict[str, Any]:
    return read_json(folder / "model.json").get("validation", {})


def _replace(source: Path, target: Path) -> None:
    """Copy weights and description; both are complete before either takes its place."""
    with whole_file(target / "model.json") as description, whole_file(target / "model.pt") as weights:
        shutil.copyfile(source / "model.json", description)
        shutil.copyfile(source / "model.pt", weights)
