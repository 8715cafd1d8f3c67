"""How the BraTS challenges name the files of a case."""

from __future__ import annotations

from dataclasses import dataclass

#: Channels of every BraTS case, in the order of an image's list of files.
BRATS_MODALITIES = ("flair", "t1", "t1ce", "t2")


@dataclass(frozen=True)
class BratsNaming:
    """One year's words.

    Attributes:
        label_convention: the label convention that came with these names.
        separator: between the case's ID and the word.
        words: what each of :data:`BRATS_MODALITIES` is called.
    """

    label_convention: str
    separator: str
    words: tuple[str, ...]

    def stem(self, case: str, kind: str) -> str:
        """File name without ending of one modality, or of ``"seg"``."""
        word = kind if kind == "seg" else self.words[BRATS_MODALITIES.index(kind)]
        return f"{case}{self.separator}{word}"


@dataclass(frozen=True)
class BratsFile:
    """What a file's name says.

    Attributes:
        case: the ID.
        kind: one of :data:`BRATS_MODALITIES`, or ``"seg"``.
        naming: whose words it is written in.
    """

    case: str
    kind: str
    naming: BratsNaming


#: BraTS 2012–2021 (``ID_flair``) and BraTS 2023 (``ID-t2f``).
BRATS_NAMINGS = (
    BratsNaming("brats18", "_", ("flair", "t1", "t1ce", "t2")),
    BratsNaming("brats23", "-", ("t2f", "t1n", "t1c", "t2w")),
)


def parse_brats_name(stem: str) -> BratsFile | None:
    """Take a file name without ending apart; ``None`` if it follows neither naming."""
    for naming in BRATS_NAMINGS:
        case, _, word = stem.rpartition(naming.separator)
        kinds = {**dict(zip(naming.words, BRATS_MODALITIES, strict=True)), "seg": "seg"}
        if case and word in kinds:
            return BratsFile(case, kinds[word], naming)
    return None
