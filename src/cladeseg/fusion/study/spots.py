"""Spots of spatial transcriptomics: the expression and the histology patch of one place."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.files import DataError, atomic_write
from cladeseg.fusion.features import ImageSettings, tile_bags

TABLE, EXPRESSION, PATCHES = "spots.csv", "expression_top1000.npz", "patches_224.zip"
_COLUMNS = ("spot", "section", "patient", "array_x", "array_y")


@dataclass(frozen=True)
class Spots:
    """Spots of several sections, in one order.

    Attributes:
        names: (N,).
        sections: (N,) of each spot.
        patients: (N,) of each spot.
        places: (N, 2) column and row in the array of spots.
        expression: (N, genes) log-normalised.
    """

    names: np.ndarray
    sections: np.ndarray
    patients: np.ndarray
    places: np.ndarray
    expression: np.ndarray


def read_spots(folder: Path) -> Spots:
    """Read the spots of a folder as her2st_spots is laid out.

    Raises:
        DataError: a file or a column is missing, or a spot of one file is not in the other.
    """
    for name in (TABLE, EXPRESSION, PATCHES):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: is not there; a folder of spots holds {TABLE}, {EXPRESSION}, {PATCHES}")
    table = pd.read_csv(folder / TABLE)
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise DataError(f"{folder / TABLE}: has no column '{missing[0]}'")
    with np.load(folder / EXPRESSION, allow_pickle=False) as content:
        names, expression = content["spot"].astype(str), content["log1p_cp10k"].astype(float)
    table = table.set_index("spot")
    unknown = sorted(set(names) - set(table.index))
    if unknown:
        raise DataError(f"{folder / EXPRESSION}: spot '{unknown[0]}' is not in {TABLE}")
    table = table.loc[names]
    places = table[["array_x", "array_y"]].to_numpy(float)
    return Spots(names, table["section"].to_numpy(str), table["patient"].to_numpy(str), places, expression)


def spot_features(folder: Path, spots: Spots, *, work_dir: Path, settings: ImageSettings | None = None) -> np.ndarray:
    """Features of each spot's patch, (N, F); patches and features are kept in the work folder.

    Raises:
        DataError: a spot has no readable patch.
    """
    settings = settings or ImageSettings(max_tiles=1_000_000, min_tissue=0, min_sharpness=0, stain_normalisation=False)
    _unpack(folder / PATCHES, spots, work_dir / "dataset" / "tiles")
    bags = tile_bags(work_dir / "dataset", settings=settings, cache_dir=work_dir / "features")
    by_name = {
        name.rsplit(".", 1)[0]: row for bag in bags.values() for name, row in zip(bag.names, bag.features, strict=True)
    }
    missing = [name for name in spots.names if name not in by_name]
    if missing:
        raise DataError(
            f"{folder / PATCHES}: has no readable patch of spot '{missing[0]}' ({len(missing)} are missing)"
        )
    return np.stack([by_name[name] for name in spots.names])


def _unpack(archive: Path, spots: Spots, target: Path) -> None:
    """One folder of tiles for each section; a name inside the archive never becomes a path."""
    sections = dict(zip(spots.names.tolist(), spots.sections.tolist(), strict=True))
    try:
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                name = Path(entry.filename).name
                section = sections.get(Path(name).stem)
                if section is None:
                    continue
                path, content = target / section / name, file.read(entry)
                if not path.is_file() or path.read_bytes() != content:
                    with atomic_write(path) as temporary:
                        temporary.write_bytes(content)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{archive}: cannot be read ({error})") from error
