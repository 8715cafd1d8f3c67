"""Cases that are gathered from the names of files: which channels the cases share, and who lacks one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import UNKNOWN, log_left_out, unique_cases

#: Channel of a file that is called as its case, in messages and beside channels that have a name.
UNNAMED = "image"


@dataclass
class Gathered:
    """The files of one case.

    Attributes:
        case: its name.
        patient: whose it is.
        images: channel → file; ``""`` for a file that is called as the case.
        labels: files that may be its label.
        expected: where its label is looked for.
    """

    case: str
    patient: str
    images: dict[str, Path] = field(default_factory=dict)
    labels: list[Path] = field(default_factory=list)
    expected: Path = Path()

    def add(self, channel: str, file: Path) -> None:
        """Take an image.

        Raises:
            DataError: there is one of this channel already.
        """
        if channel in self.images:
            other = self.images[channel]
            raise DataError(
                f"{file}: a second channel '{channel or UNNAMED}' of case '{self.case}' beside {other.name}"
            )
        self.images[channel] = file


def finished_cases(gathered: Sequence[Gathered], root: Path) -> list[dict[str, Any]]:
    """The cases as layouts list them, sorted by name.

    A channel is what more than half of the cases have; files of other names are left out, and named in the log.

    Args:
        gathered: with at least one image each.
        root: folder that the paths become relative to.

    Raises:
        DataError: no channel is common, a case lacks one or has two labels, or two cases have one name.
    """
    times = Counter(channel for one in gathered for channel in one.images)
    channels = sorted(channel for channel, n in times.items() if 2 * n > len(gathered))
    if not channels:
        raise DataError(f"{root}: the cases' images share no name, found {', '.join(map(repr, sorted(times)[:5]))}")
    others = [file for one in gathered for channel, file in one.images.items() if channel not in channels]
    log_left_out([file.relative_to(root) for file in others], root, "most cases have no file of such a name")
    return unique_cases((str(_first(one)), _finished(one, channels, root)) for one in gathered)


def _first(one: Gathered) -> Path:
    return next(iter(one.images.values()))


def _finished(one: Gathered, channels: Sequence[str], root: Path) -> dict[str, Any]:
    missing = [channel for channel in channels if channel not in one.images]
    if missing:
        raise DataError(f"{_first(one)}: case '{one.case}' has no '{missing[0] or UNNAMED}', which the others have")
    if len(one.labels) > 1:
        first, second = (file.relative_to(root) for file in one.labels[:2])
        raise DataError(f"{root}: case '{one.case}' has two labels, {first} and {second}; keep one of them")
    images = [one.images[channel].relative_to(root).as_posix() for channel in channels]
    label = one.labels[0] if one.labels else one.expected
    several = {"channels": [channel or UNNAMED for channel in channels]} if len(channels) > 1 else {}
    return {
        "case": one.case,
        "patient": one.patient,
        "group": UNKNOWN,
        "image": images if several else images[0],
        "label" if one.labels else "missing_label": label.relative_to(root).as_posix(),
        **several,
    }
