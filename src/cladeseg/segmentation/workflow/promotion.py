"""A bundle's weights change only for a better model, measured on the same cases."""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cladeseg.bundle.config_text import config_text
from cladeseg.bundle.shipped import raise_if_shipped
from cladeseg.bundle.trained_tree import check_tree
from cladeseg.bundle.weights_record import DESCRIPTION, WEIGHT_FILES, check_weights, digest_of
from cladeseg.files import DataError, atomic_write, read_json
from cladeseg.segmentation.workflow.plan import TREE
from cladeseg.taxonomy import load_taxonomy

logger = logging.getLogger(__name__)

#: The stored split of a run, and of the weights that a bundle comes with.
SPLIT_FILE = "datalist.json"
_FILES = (*WEIGHT_FILES, DESCRIPTION)


def promote(
    run_models: str | Path, bundle_models: str | Path, *, force: bool = False, baseline: float | None = None
) -> bool:
    """Copy a run's weights with their ``model.json`` into a bundle, if they are better than what is there.

    The sha256 of the three files also goes into the bundle's ``configs/metadata.json``, if it has one, and the run's
    split goes with the weights: who evaluates them can tell which cases they have never seen.

    Better means a higher validation score on the same validation cases.  Scores of different cases are not
    comparable: then nothing is replaced unless ``force`` is set.

    Args:
        run_models: ``models`` folder of the run.
        bundle_models: ``models`` folder of the bundle.
        force: replace in any case.
        baseline: the bundle's score on the run's own validation cases, where it was measured.

    Returns:
        Whether the bundle's model is now the run's.

    Raises:
        DataError: the run has no trained model or one that disagrees with its record, or the bundle's tree is not the
            one that it was trained on, or the bundle belongs to the installed package, or its folder cannot be written.
    """
    source, target = Path(run_models), Path(bundle_models)
    raise_if_shipped(target.parent)
    _require_sound(source)
    _require_same_tree(source, target.parent)
    reason = None if force else _reason_to_keep(source, target, baseline)
    if reason:
        logger.warning("%s is kept: %s", target / "model.pt", reason)
        return False
    _replace(source, target)
    logger.info("%s is now the model of %s", target / "model.pt", source)
    return True


def _require_sound(source: Path) -> None:
    missing = [name for name in _FILES if not (source / name).is_file()]
    if missing:
        hint = "; the training's command with --resume writes it" if len(missing) == 1 else ""
        raise DataError(f"{source}: holds no finished model to promote, {', '.join(missing)} is missing{hint}")
    for name in _FILES:
        check_weights(source / name, required=True)


def _require_same_tree(source: Path, bundle: Path) -> None:
    if (bundle / TREE).is_file():
        description = source / DESCRIPTION
        check_tree(read_json(description).get("taxonomy"), load_taxonomy(TREE, bundle), description)


def _reason_to_keep(source: Path, target: Path, baseline: float | None) -> str | None:
    if not (target / "model.pt").is_file():
        return None
    if baseline is not None:
        return _not_better(_validation(source).get("score"), baseline)
    if not (target / DESCRIPTION).is_file():
        return "it has no description to compare with; 'cladeseg promote --force' replaces it"
    new, old = _validation(source), _validation(target)
    if new.get("fingerprint") != old.get("fingerprint"):
        return "it was validated on other cases, so the scores do not compare; 'cladeseg promote --force' replaces it"
    return _not_better(new.get("score"), old.get("score"))


def _not_better(new: float | None, old: float | None) -> str | None:
    if new is None:
        return "the new model has no validation score"
    if old is not None and new <= old:
        return f"its validation Dice {old:.4f} is not below the new {new:.4f}"
    return None


def _validation(folder: Path) -> dict[str, Any]:
    validation = read_json(folder / DESCRIPTION).get("validation")
    return validation if isinstance(validation, dict) else {}


def _replace(source: Path, target: Path) -> None:
    """Copy weights and description; all are complete before any takes its place, the records last."""
    metadata = target.parent / "configs" / "metadata.json"
    with ExitStack() as stack:
        if metadata.is_file():
            hashes = {name: digest_of(source / name) for name in _FILES}
            text = config_text({**read_json(metadata), "weights": hashes})
            stack.enter_context(atomic_write(metadata)).write_text(text, encoding="utf-8", newline="\n")
        split = source.parent / SPLIT_FILE
        files = [source / name for name in (DESCRIPTION, *WEIGHT_FILES)] + ([split] if split.is_file() else [])
        for file in files:
            shutil.copyfile(file, stack.enter_context(atomic_write(target / file.name)))
    if not split.is_file():  # a training of MONAI Label has none, and the old one does not tell what these weights saw
        (target / SPLIT_FILE).unlink(missing_ok=True)
