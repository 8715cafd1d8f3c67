"""Images of patients → features, cached on disk so that nothing is computed twice."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from cladeseg.bundle.device import choose_device
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError
from cladeseg.fusion.features.backbone import Backbone, load_backbone, weights_file
from cladeseg.fusion.features.feature_cache import FeatureCache
from cladeseg.fusion.features.image_settings import ImageSettings
from cladeseg.fusion.features.tile_bag import TileBag
from cladeseg.fusion.slides import PatientImages, TileRules, patient_images, read_tiles

logger = logging.getLogger(__name__)


def tile_bags(
    dataset_dir: Path, *, settings: ImageSettings, cache_dir: Path, patients: Sequence[str] | None = None
) -> dict[str, TileBag]:
    """Features of all patients with images, by patient; empty where the folder has neither slides/ nor tiles/.

    Args:
        dataset_dir: holds ``slides/<patient>*.svs|tif|…`` or ``tiles/<patient>/*.jpg|png|tif``.
        settings: resolution, tiles, stain and network.
        cache_dir: features are kept here, one file a patient, as soon as they are there; an interrupted call goes on
            where it was, and a file or setting that changed makes them anew.
        patients: only these; those without images are left out of the result.

    Raises:
        DataError: images cannot be used; the message names the first and the way out.  All others were extracted by
            then, and are kept.
    """
    found = patient_images(dataset_dir, patients)
    if not found:
        return {}
    cache = FeatureCache(Path(cache_dir), _what_decides(settings))
    bags = {name: cache.read(name, images) for name, images in found.items()}
    missing = [name for name, bag in bags.items() if bag is None]
    made = _extract({name: found[name] for name in missing}, settings, cache) if missing else {}
    return {name: bag for name in found if (bag := bags[name] or made.get(name)) is not None}


def _what_decides(settings: ImageSettings) -> dict[str, object]:
    """The settings that features depend on, with the weights by their content."""
    chosen = settings.model_dump(exclude={"batch_size", "device", "weights", "weights_sha256"})
    return {**chosen, "network": sha256_of(weights_file(settings))}


def _extract(images: dict[str, PatientImages], settings: ImageSettings, cache: FeatureCache) -> dict[str, TileBag]:
    backbone = load_backbone(settings)
    made: dict[str, TileBag] = {}
    faults: list[DataError] = []
    for name in tqdm(images, desc="features", unit="patient", disable=None):
        try:
            made[name] = _bag(name, images[name], settings, backbone)
        except DataError as error:
            faults.append(error)
            continue
        cache.write(made[name], images[name])
    if faults:
        more = f" (and {len(faults) - 1} more patients have such a fault)" if len(faults) > 1 else ""
        raise DataError(f"{faults[0]}{more}") from faults[0]
    return made


def _bag(name: str, images: PatientImages, settings: ImageSettings, backbone: Backbone) -> TileBag:
    rules = TileRules(**settings.model_dump(include=set(TileRules.__dataclass_fields__)))
    tiles = read_tiles(name, images, rules)
    if tiles.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tiles.skipped.items())
        logger.info("%s: %d tiles, skipped %s", name, len(tiles.names), reasons)
    features = backbone.features(tiles.images, batch_size=settings.batch_size, device=choose_device(settings.device))
    return TileBag(patient=name, features=features, positions=tiles.positions, names=tiles.names, skipped=tiles.skipped)
