"""Features on disk, one file a patient, which are used only while images and settings are what they were."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np

from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, atomic_write, remove_leftovers
from cladeseg.fusion.features.tile_bag import TileBag
from cladeseg.fusion.slides import PatientImages

logger = logging.getLogger(__name__)

#: Raised whenever the same images and settings give other features than before.
_VERSION = 1


class FeatureCache:
    """A folder of features.

    An image counts as unchanged while its size, its times of writing and of change and its number on the disk are those
    that were recorded; else its content decides.  So a copied data set is not computed anew, and no changed image is
    served from before.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        """Open a folder of features.

        Args:
            folder: is made where it is not there.
            settings: everything besides the images that features depend on; each set of them has its own folder inside.
        """
        text = json.dumps({**settings, "version": _VERSION}, sort_keys=True)
        self._folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        self._settings = text
        remove_leftovers(self._folder)

    def read(self, patient: str, images: PatientImages) -> TileBag | None:
        """What is kept of a patient, or nothing if there is none or an image changed."""
        path = self._path(patient)
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as content:
                record = json.loads(str(content["record"]))
                if record["settings"] != self._settings or not _unchanged(record["images"], images):
                    return None
                return TileBag(
                    patient=patient,
                    features=content["features"],
                    positions=content["positions"],
                    names=tuple(record["names"]),
                    skipped=record["skipped"],
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("%s: is damaged and made anew (%s)", path, error)
            return None

    def write(self, bag: TileBag, images: PatientImages) -> None:
        """Keep a patient's features, whole or not at all.

        Raises:
            DataError: the disk is full or the folder cannot be written.
        """
        record = {
            "settings": self._settings,
            "images": {key: _fingerprint(path, with_content=True) for key, path in _files(images).items()},
            "names": bag.names,
            "skipped": bag.skipped,
        }
        with atomic_write(self._path(bag.patient)) as temporary, temporary.open("wb") as file:
            np.savez(file, features=bag.features, positions=bag.positions, record=np.array(json.dumps(record)))

    def _path(self, patient: str) -> Path:
        return self._folder / f"{quote(patient, safe='')}.npz"


def _files(images: PatientImages) -> dict[str, Path]:
    """By kind, folder and name, so that the data set may move; MRXS keeps its pixels in a folder of the same name."""
    parts = [part for slide in images.slides for part in sorted(slide.with_suffix("").glob("*"))]
    return {f"{path.parent.name}/{path.name}": path for path in [*images.slides, *parts, *images.tiles]}


def _fingerprint(path: Path, *, with_content: bool) -> dict[str, object]:
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    state = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    return {"state": state, "sha256": sha256_of(path)} if with_content else {"state": state}


def _unchanged(recorded: Mapping[str, dict[str, object]], images: PatientImages) -> bool:
    files = _files(images)
    if set(files) != set(recorded):
        return False
    return all(_same(recorded[key], path) for key, path in files.items())


def _same(recorded: Mapping[str, object], path: Path) -> bool:
    if _fingerprint(path, with_content=False)["state"] == recorded["state"]:
        return True
    return sha256_of(path) == recorded["sha256"]
