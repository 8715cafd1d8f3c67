"""What a check says about files: findings with a grade, and what was learnt about each case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["fatal", "fixable", "info"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd about one file.

    Attributes:
        severity: ``fatal`` stops a run, ``fixable`` is corrected at load, ``info`` is only worth knowing.
        path: the file.
        message: what is the matter, without the path.
    """

    severity: Severity
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Inspection:
    """What the check learnt about one case.

    Attributes:
        case: its name.
        shape: voxels along each spatial axis of the image; empty if it could not be read.
        affine: 4 x 4, voxel indices to mm, as nested tuples.
        spacing: mm between voxel centres along each axis, from the affine.
        sha1: hash of the image's shape and voxels over all channels, equal for equal images whatever their file type or
            compression; empty if it could not be read.
        label_sha1: the same for the label's integers; empty if no label was opened, or it cannot be used.
        findings: everything worth reporting.
        label_voxels: node name → number of voxels; empty if no label was opened.
        changed: voxels of the label that are another number after the way to nodes and back.
        bare_slices: slices at the ends of the stack in which the label says nothing.
    """

    case: str
    shape: tuple[int, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    spacing: tuple[float, ...] = ()
    sha1: str = ""
    label_sha1: str = ""
    findings: tuple[Finding, ...] = ()
    label_voxels: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    bare_slices: int = 0

    def found(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]
