"""Mirroring by the names of anatomical axes: nobody writes an array axis by hand."""

from __future__ import annotations

from collections.abc import Iterable

from cladeseg.taxonomy.node import TaxonomyError

#: The world's axes in the order of an RAS affine's rows, by what lies at their two ends.
ANATOMICAL_AXES = ("left-right", "posterior-anterior", "inferior-superior")
#: Stands for every flip that a tree allows.
ALLOWED = "allowed"


def check_axes(names: Iterable[str], owner: str) -> None:
    """Refuse a name that is no anatomical axis.

    Args:
        names: to check.
        owner: what the message begins with.

    Raises:
        TaxonomyError: one of them is none.
    """
    for name in names:
        if name not in ANATOMICAL_AXES:
            raise TaxonomyError(f"{owner}: '{name}' is no anatomical axis; write {', '.join(ANATOMICAL_AXES)}")


def chosen_flips(asked: str | Iterable[str], allowed: Iterable[str], owner: str) -> tuple[str, ...]:
    """The axes that somebody wants to mirror along, in the order of :data:`ANATOMICAL_AXES`.

    Args:
        asked: names of axes, or :data:`ALLOWED` for all that are allowed.
        allowed: names of the axes along which a mirrored image is plausible.
        owner: what messages begin with.

    Raises:
        TaxonomyError: a name is no axis, or its axis is not allowed.

    Example:
        >>> chosen_flips("allowed", ["left-right"], "tree"), chosen_flips([], ["left-right"], "tree")
        (('left-right',), ())
    """
    names = list(allowed) if asked == ALLOWED else [asked] if isinstance(asked, str) else list(asked)
    check_axes(names, owner)
    for name in names:
        if name not in allowed:
            listed = ", ".join(allowed) or "none"
            raise TaxonomyError(
                f"{owner}: {name} flips are not allowed (allowed_flips: {listed}); leave them out, or add them to "
                "allowed_flips where a mirrored image is as plausible as the image"
            )
    return tuple(name for name in ANATOMICAL_AXES if name in names)
