"""Which array axis runs along which anatomical axis: the one place that brings the two together.

An axis order is three letters that say where the array's axes run to: one of R and L, one of A and P, one of S and I.
``"RAS"`` is the order of the world that affines lead to.  ``"stored"`` is each file's own.
"""

from __future__ import annotations

import nibabel as nib
import numpy as np

#: The files' own axes, neither exchanged nor turned round.
STORED = "stored"
#: The order that bundles have unless they say otherwise.
DEFAULT_ORDER = "RAS"
#: What lies at the two ends of each anatomical axis, as nibabel writes it.
ENDS = (("L", "R"), ("P", "A"), ("I", "S"))


def check_axis_order(order: str) -> str:
    """The order itself if it is one.

    Raises:
        ValueError: it is none.

    Example:
        >>> check_axis_order("LPS")
        'LPS'
    """
    letters = [sorted(set(order) & set(ends)) for ends in ENDS]
    if order != STORED and (len(order) != len(ENDS) or any(len(found) != 1 for found in letters)):
        raise ValueError(
            f"'{order}' is no axis order; write one letter of each of R/L, A/P and S/I, such as RAS, or {STORED}"
        )
    return order


def closest_axes(affine: np.ndarray) -> np.ndarray:
    """The anatomical axis that lies closest to each array axis, each taken once, and the direction along it.

    Args:
        affine: (4, 4) voxel → RAS mm.

    Returns:
        int (3, 2): for each array axis the anatomical one (0 left-right, 1 posterior-anterior, 2 inferior-superior)
        and 1, or -1 where it runs from the right, the anterior or the superior end.

    Raises:
        ValueError: an axis has no length.
    """
    found = nib.io_orientation(affine)
    if not np.isfinite(found).all():
        raise ValueError(f"affine {np.asarray(affine).tolist()}: an array axis leads nowhere")
    return found.astype(int)


def turn_to(affine: np.ndarray, order: str) -> np.ndarray:
    """How an array must be turned so that its axes are in an order.

    Args:
        affine: (4, 4) voxel → RAS mm.
        order: an axis order.

    Returns:
        int (3, 2): for each array axis the one that it becomes, and -1 where it is turned round, else 1.

    Raises:
        ValueError: no such order, or an axis of the affine has no length.

    Example:
        >>> turn_to(np.diag([-1.0, 1.0, 2.0, 1.0]), "RSA").tolist()  # L, A, S in the file
        [[0, -1], [2, 1], [1, 1]]
    """
    if check_axis_order(order) == STORED:
        return np.array([(axis, 1) for axis in range(3)])
    wanted = nib.orientations.axcodes2ornt(order, labels=ENDS)
    return nib.orientations.ornt_transform(closest_axes(affine), wanted).astype(int)


def array_axes(affine: np.ndarray, order: str) -> np.ndarray:
    """Where the anatomical axes lie in an image that was brought to an order.

    Args:
        affine: (4, 4) voxel → RAS mm of the file.
        order: an axis order; one of letters says it alone, with ``"stored"`` each file's affine does.

    Returns:
        int (3,): the array axis that runs along left-right, posterior-anterior and inferior-superior, whichever way.

    Raises:
        ValueError: as for :func:`turn_to`.

    Example:
        >>> array_axes(np.eye(4), "ASR").tolist()
        [2, 0, 1]
    """
    found = np.empty(3, dtype=int)
    found[closest_axes(affine)[:, 0]] = turn_to(affine, order)[:, 0]
    return found
