"""All usable tiles of one patient, from slides and loose files, with the others counted by what is wrong with them."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from cladeseg.files import DataError
from cladeseg.fusion.slides.image_files import PatientImages
from cladeseg.fusion.slides.quality import tile_fault
from cladeseg.fusion.slides.slide import Slide, open_slide
from cladeseg.fusion.slides.stain import fit_stains
from cladeseg.fusion.slides.tiling import tile_corners

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TileRules:
    """How tiles are cut and which are kept; see the settings of images for units."""

    microns_per_pixel: float = 0.5
    slide_microns_per_pixel: float | None = None
    reader: str = "auto"
    tile_size: int = 224
    stain_normalisation: bool = True
    max_tiles: int = 200
    min_tissue: float = 0.5
    min_sharpness: float = 5.0
    seed: int = 0


@dataclass
class PatientTiles:
    """Tiles of one patient.

    Attributes:
        images: (tiles, H, W, 3) uint8.
        positions: (tiles, 2) float32, µm from the slide's upper left corner as (x, y); NaN for loose tiles.
        names: file of each tile, or ``slide@x,y`` in pixels of the finest level.
        skipped: reason → count.
    """

    images: np.ndarray
    positions: np.ndarray
    names: tuple[str, ...]
    skipped: dict[str, int]


@dataclass(frozen=True)
class _Candidate:
    """A tile that has not been read yet."""

    name: str
    source: str
    position: tuple[float, float] = (np.nan, np.nan)
    corner: tuple[int, int] = (0, 0)
    slide: Slide | None = field(default=None, compare=False)
    file: Path | None = None


def read_tiles(patient: str, images: PatientImages, rules: TileRules) -> PatientTiles:
    """Read a patient's tiles in an order drawn by seed until there are enough.

    Raises:
        DataError: a slide cannot be read, or no tile is left; the message says what was skipped and why.
    """
    skipped: Counter[str] = Counter()
    with ExitStack() as slides:
        candidates = [*_of_slides(images.slides, rules, skipped, slides), *_of_files(images.tiles)]
        pixels = _read(candidates, _order(len(candidates), patient, rules.seed), rules, skipped)
    if not pixels:
        raise _nothing_left(patient, images, skipped)
    kept = [candidates[number] for number in sorted(pixels)]
    stack = np.stack([pixels[number] for number in sorted(pixels)])
    return PatientTiles(
        _normalised(patient, kept, stack, rules) if rules.stain_normalisation else stack,
        np.array([one.position for one in kept], np.float32),
        tuple(one.name for one in kept),
        dict(sorted(skipped.items())),
    )


def _of_slides(paths: list[Path], rules: TileRules, skipped: Counter[str], stack: ExitStack) -> Iterator[_Candidate]:
    microns = rules.tile_size * rules.microns_per_pixel
    for path in paths:
        opened = open_slide(path, reader=rules.reader, microns_per_pixel=rules.slide_microns_per_pixel)
        slide = stack.enter_context(opened)
        corners, empty = tile_corners(slide, microns=microns, min_tissue=rules.min_tissue)
        skipped.update({"empty": empty} if empty else {})
        if not len(corners):
            logger.warning("%s: shows no tissue; it is skipped", path)
            skipped["slide without tissue"] += 1
        for x, y in corners.tolist():
            position = (x * slide.microns_per_pixel, y * slide.microns_per_pixel)
            yield _Candidate(f"{path.name}@{x},{y}", path.name, position, (x, y), slide)


def _of_files(paths: list[Path]) -> Iterator[_Candidate]:
    for path in paths:
        yield _Candidate(path.name, "loose tiles", file=path)


def _order(count: int, patient: str, seed: int) -> list[int]:
    """Each patient has an order of its own, whoever else is in the folder."""
    name = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, name]).permutation(count).tolist()


def _read(
    candidates: list[_Candidate], order: list[int], rules: TileRules, skipped: Counter[str]
) -> dict[int, np.ndarray]:
    """Pixels of the kept candidates by their number."""
    pixels: dict[int, np.ndarray] = {}
    for read, number in enumerate(order):
        if len(pixels) == rules.max_tiles:
            skipped["surplus"] += len(order) - read
            break
        image = _pixels(candidates[number], rules)
        fault = "corrupt" if image is None else _fault(image, rules)
        if image is None or fault:
            skipped[str(fault)] += 1
        else:
            pixels[number] = image
    return pixels


def _fault(image: np.ndarray, rules: TileRules) -> str | None:
    return tile_fault(image, min_tissue=rules.min_tissue, min_sharpness=rules.min_sharpness)


def _pixels(one: _Candidate, rules: TileRules) -> np.ndarray | None:
    """(H, W, 3) uint8, or nothing where the file is damaged."""
    try:
        if one.slide is not None:
            edge = rules.tile_size * rules.microns_per_pixel
            return one.slide.region(*one.corner, microns=edge, pixels=rules.tile_size)
        with Image.open(one.file or "") as image:
            size = (rules.tile_size, rules.tile_size)
            return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.warning("%s: is corrupt and skipped (%s)", one.file or one.name, error)
        return None


def _normalised(patient: str, kept: list[_Candidate], pixels: np.ndarray, rules: TileRules) -> np.ndarray:
    """Each slide by its own stains, and the loose tiles together by theirs."""
    result = pixels.copy()
    for source in dict.fromkeys(one.source for one in kept):
        rows = [i for i, one in enumerate(kept) if one.source == source]
        normaliser = fit_stains(pixels[rows], seed=rules.seed)
        if normaliser is None:
            logger.warning("%s: %s does not show two stains; its colours stay as they are", patient, source)
            continue
        for row in rows:
            result[row] = normaliser(pixels[row])
    return result


def _nothing_left(patient: str, images: PatientImages, skipped: Counter[str]) -> DataError:
    where = (images.slides or images.tiles or [Path(patient)])[0]
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items())) or "none at all"
    return DataError(
        f"{where}: patient '{patient}' has no usable tile ({reasons}); lower min_tissue or min_sharpness, or remove "
        "the images so that the patient counts as one without"
    )
