"""All measures of every structure of one case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import find_objects

from cladeseg.segmentation.metrics.masks import annotated_nodes, check_maps, dice, inside, iou, spacing_of, status_of
from cladeseg.segmentation.metrics.record import STRUCTURE_METRICS, Record, Status
from cladeseg.segmentation.metrics.surface import surface_metrics
from cladeseg.taxonomy import Taxonomy


def evaluate_case(
    case: str,
    predicted: np.ndarray,
    truth: np.ndarray,
    taxonomy: Taxonomy,
    *,
    affine: np.ndarray,
    tolerance_mm: float = 2.0,
) -> list[Record]:
    """Compare a prediction with the truth, leaf by leaf and superclass by superclass.

    A structure that the truth does not determine, because some voxel is labelled with a strict ancestor of it, is left
    out.  One that is missed or spurious has Dice, IoU and NSD 0 and no distance; one that is in neither has no value.

    Args:
        case: identifier of the case.
        predicted: node indices (x, y, z), usually leaves only.
        truth: node indices (x, y, z).
        taxonomy: the label tree.
        affine: (4, 4) voxel → mm; the lengths of its columns are the voxel's edges.
        tolerance_mm: surface distance that counts as agreement for the NSD.

    Returns:
        One record for each (structure, metric), structures in index order.

    Raises:
        DataError: the maps differ in shape or hold no node indices, or the affine is singular; the message starts
            with the case.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> tree = Taxonomy("lung", (Node("background", values={"lung": 0}), Node("tumour", values={"lung": 1})))
        >>> truth = np.zeros((4, 4, 4), dtype=np.uint8)
        >>> truth[:2] = tree.index("tumour")
        >>> for record in evaluate_case("case_1", np.roll(truth, 1, axis=0), truth, tree, affine=np.diag([3, 1, 1, 1])):
        ...     print(record.node, record.metric, record.value, record.status)
        tumour dice 0.5 ok
        tumour iou 0.3333333333333333 ok
        tumour hd95_mm 3.0 ok
        tumour assd_mm 1.5 ok
        tumour nsd 0.5 ok
    """
    check_maps(case, predicted, truth, taxonomy)
    spacing = spacing_of(case, affine)
    records, annotated = [], annotated_nodes(truth, taxonomy)
    predicted, truth = _around_structures(predicted, truth, taxonomy)
    for v in annotated:
        masks = inside(predicted, v, taxonomy), inside(truth, v, taxonomy)
        status = status_of(*masks)
        values = _values(*masks, status, spacing, tolerance_mm)
        records += [Record(case, taxonomy.names[v], metric, values[metric], status) for metric in STRUCTURE_METRICS]
    return records


def _around_structures(predicted: np.ndarray, truth: np.ndarray, taxonomy: Taxonomy) -> tuple[np.ndarray, np.ndarray]:
    """Both maps where either holds more than background: the rest decides nothing and costs most of the time."""
    box = find_objects(((predicted != taxonomy.background) | (truth != taxonomy.background)).view(np.uint8))
    return (predicted[box[0]], truth[box[0]]) if box else (predicted, truth)


def _values(
    prediction: np.ndarray, truth: np.ndarray, status: Status, spacing: Sequence[float], tolerance_mm: float
) -> dict[str, float | None]:
    values: dict[str, float | None] = {"dice": dice(prediction, truth), "iou": iou(prediction, truth)}
    if status == "ok":
        return values | surface_metrics(prediction, truth, spacing=spacing, tolerance_mm=tolerance_mm)
    # Nothing agrees with a missing surface, but no distance leads to it: 0 mm would make a missed structure the best.
    return values | {"hd95_mm": None, "assd_mm": None, "nsd": None if status == "both_empty" else 0.0}
