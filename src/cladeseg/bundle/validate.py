"""Whether a bundle will work: in MONAI's tools, in MONAI Label and in cladeseg, before anybody waits for it."""

from __future__ import annotations

from pathlib import Path

from cladeseg.bundle.problem import Problem
from cladeseg.bundle.validate_format import format_problems
from cladeseg.bundle.validate_parts import part_problems
from cladeseg.files import DataError


def validate_bundle(folder: str | Path) -> list[Problem]:
    """Check a bundle; each problem names the file, the key and the fix.

    Checked are the model zoo's demands (files, metadata schema, keys, the network's shapes), MONAI Label's (nested
    keys, one file for training and one for inference, ``network``, a replaceable ``device``, ``LoadImaged`` first and
    ``Invertd`` among the transforms, ``channel_def``) and ours (tree, label convention, one channel per leaf, no ``$``,
    references that lead somewhere, weights that agree with their record).  A bundle without a label tree is not held to
    MONAI Label's demands and to those about the tree.

    Parts are built only if the format is sound and :func:`~cladeseg.bundle.audit.audit_bundle` allows what the configs
    call, so that validating a stranger's bundle runs nothing of its own.

    Args:
        folder: the bundle.

    Returns:
        Problems in the order in which to solve them; empty if it works.

    Raises:
        DataError: there is no such folder.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise DataError(f"{folder}: no such folder")
    return format_problems(root) or part_problems(root)
