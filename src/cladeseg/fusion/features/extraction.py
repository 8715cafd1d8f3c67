"""Images of patients → features, cached on disk so that nothing is computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cladeseg.files import DataError
from cladeseg.fusion.features.image_settings import ImageSettings
from cladeseg.fusion.features.tile_bag import TileBag


def tile_bags(
    dataset_dir: Path, *, settings: ImageSettings, cache_dir: Path, patients: Sequence[str] | None = None
) -> dict[str, TileBag]:
    """Features of all patients with images, by patient; empty where the folder has neither slides/ nor tiles/.

    Args:
        dataset_dir: holds ``slides/<patient>*.svs|tif|…`` or ``tiles/<patient>/*.jpg|png|tif``.
        settings: resolution, tiles, stain and network.
        cache_dir: features are kept here, one file a patient; a file or setting that changed makes them anew.
        patients: only these; those without images are left out of the result.

    Raises:
        DataError: an image cannot be used; the message names it and the way out.
    """
    raise DataError(f"{dataset_dir}: features cannot be extracted yet")
