"""Pictures and tables of what single patients were predicted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cladeseg.classes import class_names
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.explanation import draw_attention_maps, draw_explanation, tile_effects, write_tile_table
from cladeseg.fusion.features import TileBag
from cladeseg.fusion.fitting import FusionPrediction
from cladeseg.fusion.workflow.stored_run import StoredRun


@dataclass(frozen=True)
class Explained:
    """What was drawn of a patient.

    Attributes:
        patient: their name.
        predicted: class with its probability.
        tiles: picture of attention and effects.
        maps: picture of both attention maps, where the network has them.
        agreement: rank correlation of attention and size of effect.
    """

    patient: str
    predicted: str
    tiles: Path
    maps: Path | None
    agreement: float | None


def explain_patients(
    run: StoredRun, cohort: FusionCohort, patients: Sequence[str], dataset_dir: Path, folder: Path
) -> list[Explained]:
    """Write ``<patient>_tiles.png``, ``<patient>_tiles.csv`` and, with cross-attention, ``<patient>_maps.png``.

    Args:
        run: whose model predicts.
        cohort: with their tiles.
        patients: each has images.
        dataset_dir: whose images they are.
        folder: of the pictures.

    Raises:
        DataError: an image can no longer be read, or a file not be written.
    """
    return [_explained(run, cohort.take(cohort.rows([name])), dataset_dir, folder) for name in patients]


def _explained(run: StoredRun, one: FusionCohort, dataset_dir: Path, folder: Path) -> Explained:
    name = one.patients[0]
    found = run.model.predict(one)
    best = int(found.log_p[0].argmax())
    bag = one.bags[name]

    def probability(kept: TileBag) -> float:
        return float(run.model.predict(replace(one, bags={name: kept})).log_p[0, best].exp())

    effects = tile_effects(bag, found.network.tiles[0, : len(bag)].double().numpy(), probability)
    predicted = f"{class_names(run.tree)[best]}, probability {float(found.log_p[0, best].exp()):.2f}"
    write_tile_table(effects, folder / f"{name}_tiles.csv")
    title = f"{name}: {predicted}"
    picture = folder / f"{name}_tiles.png"
    draw_explanation(effects, dataset_dir, picture, settings=run.settings.images, title=title)
    maps = _draw_maps(run, found, len(bag), folder / f"{name}_maps.png", title)
    return Explained(name, predicted, picture, maps, effects.agreement)


def _draw_maps(run: StoredRun, found: FusionPrediction, tiles: int, path: Path, title: str) -> Path | None:
    over_groups, over_tiles = found.network.tiles_over_groups, found.network.groups_over_tiles
    if over_groups is None or over_tiles is None or not bool(found.network.modalities.gt(0).all()):
        return None
    weights: tuple[np.ndarray, np.ndarray] = over_groups[0, :tiles].numpy(), over_tiles[0, :, :tiles].numpy()
    return draw_attention_maps(weights[0], weights[1], list(run.model.scaling.groups), path, title=title)
