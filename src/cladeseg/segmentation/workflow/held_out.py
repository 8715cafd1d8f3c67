"""Which of the cases that are evaluated the weights were trained on, by the content of their images."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data import Inspection, load_datalist
from cladeseg.segmentation.workflow.promotion import SPLIT_FILE

logger = logging.getLogger(__name__)

#: Case names that one message lists.
_SHOWN = 5


def check_held_out(weights: Path, found: Iterable[Inspection], split: str) -> dict[str, str]:
    """Refuse a part that should be held out but holds images that the weights were trained on.

    Images are compared by their voxels, so that a copy under another name is found.  The part ``all`` makes no such
    claim: there a warning says how many cases are no test.

    Args:
        weights: the file that predicts; the split beside it is the one that it was trained with.
        found: inspections of the cases that are evaluated.
        split: name of the part.

    Returns:
        What a page says of it: ``kind`` (good or bad), ``head`` and ``text``.

    Raises:
        DataError: some of the cases were trained on; the message names them.
    """
    file = split_of(weights)
    if file is None:
        logger.warning("%s: nothing says which cases these weights were trained on", weights)
        return {
            "kind": "bad",
            "head": "Unknown whether held out.",
            "text": "Nothing says what the weights were trained on.",
        }
    cases = list(found)
    trained = _trained(cases, load_datalist(file)["training"])
    if not trained:
        text = f"The weights were trained on none of these {len(cases)} cases, judged by the voxels of the images."
        if split == "validation":
            text += " They were chosen by their validation score, which is on these cases."
        return {"kind": "good", "head": "Held out.", "text": text}
    more = f" and {len(trained) - _SHOWN} more" if len(trained) > _SHOWN else ""
    names = f"{', '.join(trained[:_SHOWN])}{more}"
    what = f"{len(trained)} of these {len(cases)} cases were trained on"
    if split == "all":
        logger.warning("%s: %s, so this is not a test score: %s", file, what, names)
        return {"kind": "bad", "head": "Not a test score.", "text": f"{what}: {names}."}
    raise DataError(
        f"{file}: {what}, so '{split}' is not held out: {names}; evaluate other cases or other weights, "
        "or all cases with --split all"
    )


def split_of(weights: Path) -> Path | None:
    """The stored split beside a weight file: in its own folder, or in that of the run whose ``models`` this is."""
    folders = [weights.parent, *([weights.parent.parent] if weights.parent.name == "models" else [])]
    return next((folder / SPLIT_FILE for folder in folders if (folder / SPLIT_FILE).is_file()), None)


def _trained(found: Iterable[Inspection], training: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the cases whose image is one of the training's; a training case without a hash goes by its name."""
    hashes = {case["sha1"]: case["case"] for case in training if case.get("sha1")}
    names = {case["case"] for case in training if not case.get("sha1")}
    seen = [(one.case, hashes.get(one.sha1, one.case if one.case in names else None)) for one in found]
    return [case if case == other else f"{case} (as {other})" for case, other in seen if other is not None]
