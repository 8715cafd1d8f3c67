"""How well each lesion is found, be it large or small: the lesion-wise scores of BraTS 2023.

The rules are those of the challenge (Synapse syn51156910, thread 10357, and the published
https://github.com/rachitsaluja/BraTS-2023-Metrics); the code is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, find_objects, generate_binary_structure, label

from cladeseg.segmentation.metrics.masks import annotated_nodes, check_maps, dice, inside, spacing_of, status_of
from cladeseg.segmentation.metrics.record import LESION_METRICS, Record
from cladeseg.segmentation.metrics.surface import surface_metrics
from cladeseg.taxonomy import Taxonomy

#: HD95 that BraTS 2023 gives to a missed lesion and to a spurious component: the diagonal of its volumes.
BRATS_PENALTY_MM = 374.0

#: Voxels that share a face, an edge or a corner are neighbours in a component …
_CONNECTED = generate_binary_structure(3, 3)
#: … while a dilation step does not reach across corners, as in the challenge.
_STEP = generate_binary_structure(3, 2)


def lesion_records(
    case: str,
    predicted: np.ndarray,
    truth: np.ndarray,
    taxonomy: Taxonomy,
    *,
    affine: np.ndarray,
    min_volume_mm3: float = 50.0,
    dilation: int = 3,
    penalty_mm: float | None = None,
) -> list[Record]:
    """Score every structure lesion by lesion.

    The truth is dilated; what is connected in the dilated mask is one lesion, of which only the original voxels count.
    Every predicted component that touches a dilated lesion belongs to it, whole, and may belong to several.  A
    component that touches none is spurious, however small.  Lesions up to ``min_volume_mm3`` are not scored, but
    what touches them is not spurious.  With n scored lesions and s spurious components:

    * ``lesion_dice``: sum of the lesions' Dice / (n + s), a missed lesion having 0;
    * ``lesion_hd95_mm``: mean HD95 of the lesions that were found or, with ``penalty_mm``, of all n + s, the missed
      and spurious ones having the penalty;
    * ``lesions_missed``: number of scored lesions that no component touches;
    * ``lesions_spurious``: s.

    Where n + s is 0, Dice and HD95 have no value (the challenge gives 1 and 0 mm).  HD95 is that of
    :func:`~cladeseg.segmentation.metrics.surface.surface_metrics`; the challenge weights surface voxels by their area.

    Args:
        case: identifier of the case.
        predicted: node indices (x, y, z), usually leaves only.
        truth: node indices (x, y, z).
        taxonomy: the label tree.
        affine: (4, 4) voxel → mm.
        min_volume_mm3: largest lesion, in mm³, that is passed over; 50 in BraTS for gliomas, 2 for metastases.
        dilation: steps of one voxel; 3 in BraTS for gliomas, 1 for metastases.
        penalty_mm: see above; :data:`BRATS_PENALTY_MM` for figures to be compared with the challenge's.

    Returns:
        One record for each (structure, metric), structures in index order: every node below the root that the truth
        determines, without the background.  Their status says which of truth and prediction hold any voxel.

    Raises:
        DataError: the maps differ in shape or hold no node indices, or the affine is singular; the message starts
            with the case.
        ValueError: a negative volume, dilation or penalty.
    """
    _check_options(min_volume_mm3=min_volume_mm3, dilation=dilation, penalty_mm=penalty_mm or 0)
    check_maps(case, predicted, truth, taxonomy)
    spacing = spacing_of(case, affine)
    records = []
    for v in annotated_nodes(truth, taxonomy):
        masks = inside(predicted, v, taxonomy), inside(truth, v, taxonomy)
        lesions = _find(*_cropped(*masks, dilation), spacing, min_volume_mm3, dilation)
        values, status = lesions.values(penalty_mm), status_of(*masks)
        records += [Record(case, taxonomy.names[v], metric, values[metric], status) for metric in LESION_METRICS]
    return records


@dataclass(frozen=True)
class _Lesions:
    """Dice and HD95 in mm of each lesion that was found, and how many were missed or spurious."""

    found: list[tuple[float, float]]
    missed: int
    spurious: int

    def values(self, penalty_mm: float | None) -> dict[str, float | None]:
        wrong = self.missed + self.spurious
        penalties = [] if penalty_mm is None else [penalty_mm] * wrong
        return {
            "lesion_dice": _mean([score for score, _ in self.found] + [0.0] * wrong),
            "lesion_hd95_mm": _mean([distance for _, distance in self.found] + penalties),
            "lesions_missed": float(self.missed),
            "lesions_spurious": float(self.spurious),
        }


def _find(
    prediction: np.ndarray, truth: np.ndarray, spacing: Sequence[float], min_volume_mm3: float, dilation: int
) -> _Lesions:
    # SciPy takes 0 iterations for "until nothing changes".
    grown = binary_dilation(truth, _STEP, iterations=dilation) if dilation else truth
    # A component of the dilated truth is at once a group of nearby lesions and that group's own dilation.
    groups, n_groups = label(grown, _CONNECTED)
    components, n_components = label(prediction, _CONNECTED)
    touches = np.zeros((n_groups + 1, n_components + 1), dtype=bool)
    both = grown & prediction
    touches[groups[both], components[both]] = True
    volumes = np.bincount(groups[truth], minlength=n_groups + 1) * float(np.prod(spacing))
    scored = [k for k in range(1, n_groups + 1) if volumes[k] > min_volume_mm3]
    found = [k for k in scored if touches[k].any()]
    measured = [_measure(touches[k][components], truth & (groups == k), spacing) for k in found]
    return _Lesions(measured, len(scored) - len(found), int((~touches[1:, 1:].any(axis=0)).sum()))


def _measure(prediction: np.ndarray, truth: np.ndarray, spacing: Sequence[float]) -> tuple[float, float]:
    surface = surface_metrics(prediction, truth, spacing=spacing, tolerance_mm=0.0)
    return dice(prediction, truth) or 0.0, surface["hd95_mm"]


def _cropped(prediction: np.ndarray, truth: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Both masks without the empty surroundings, except for a margin that the dilation can fill."""
    box = find_objects((prediction | truth).view(np.uint8))
    if not box:
        return prediction, truth
    wide = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box[0])
    return prediction[wide], truth[wide]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _check_options(**options: float) -> None:
    for name, value in options.items():
        if not value >= 0:
            raise ValueError(f"{name}: not negative, but {value}")
