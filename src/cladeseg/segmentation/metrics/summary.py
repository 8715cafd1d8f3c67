"""From records to the figures that are reported: means, intervals, and how often there was nothing to average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cladeseg.files import DataError
from cladeseg.segmentation.metrics.record import (
    LESION_METRICS,
    STATUSES,
    STRUCTURE_METRICS,
    HierarchyRecord,
    Record,
)
from cladeseg.segmentation.metrics.tables import records_table
from cladeseg.statistics.bootstrap import Estimate, PatientBootstrap
from cladeseg.taxonomy import Taxonomy

_GIVEN_PARENT = HierarchyRecord.metric
#: Measured on request, or below the top level only; the other metrics are listed whether or not there is a value.
_OPTIONAL = (*LESION_METRICS, _GIVEN_PARENT)


def summarise(
    records: Sequence[Record],
    taxonomy: Taxonomy,
    *,
    patients: Mapping[str, str],
    nesting_violations: int,
    tolerance_mm: float,
    hierarchy_records: Sequence[HierarchyRecord] = (),
    seed: int = 0,
    resamples: int = 2000,
) -> dict[str, Any]:
    """Content of ``metrics.json``.

    Args:
        records: of all cases.
        taxonomy: the label tree.
        patients: patient of each case.
        nesting_violations: voxels, over all cases, at which a structure lies outside its parent.
        tolerance_mm: tolerance that the NSD was measured with.
        hierarchy_records: of all cases; adds ``dice_given_parent`` to the structures below the top level.
        seed: seed of the bootstrap.
        resamples: number of its draws.

    Returns:
        ``nodes``: for each structure, each metric's ``mean`` over its defined values, ``ci95`` (percentile bootstrap
        over patients) and ``n`` (number of defined values), and its ``status_counts``; the lesion metrics are there
        only if they were measured; ``mean_leaf``: Dice and IoU averaged over the leaves' means, background excluded;
        ``status_counts`` over all (case, structure); ``nesting_violations``; ``nsd_tolerance_mm``; ``cases`` and
        ``patients``: their numbers.  What is undefined is ``None``.  A structure's status counts sum to less than
        ``cases`` where the truth did not determine it.

    Raises:
        DataError: a case has no patient.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> tree = Taxonomy("lung", (Node("background", values={"lung": 0}), Node("tumour", values={"lung": 1})))
        >>> records = [Record(f"case_{i}", "tumour", "dice", value, "ok") for i, value in enumerate((0.5, 0.75, 1.0))]
        >>> patients = {record.case: record.case for record in records}
        >>> summary = summarise(records, tree, patients=patients, nesting_violations=0, tolerance_mm=2.0)
        >>> summary["nodes"]["tumour"]["dice"]
        {'mean': 0.75, 'ci95': [0.5, 1.0], 'n': 3}
    """
    table = records_table([*records, *hierarchy_records])
    table["patient"] = table["case"].map(patients)
    _check(table, taxonomy)
    bootstrap = PatientBootstrap(table["patient"], seed=seed, resamples=resamples)
    rows = {name: table[table["node"] == name] for name in taxonomy.names[1:-1]}
    nodes = {name: _summarise_node(found, bootstrap) for name, found in rows.items()}
    return {
        "nodes": nodes,
        "mean_leaf": {metric: _mean_leaf(nodes, metric, taxonomy) for metric in ("dice", "iou")},
        "status_counts": _status_counts(table),
        "nesting_violations": int(nesting_violations),
        "nsd_tolerance_mm": float(tolerance_mm),
        "cases": table["case"].nunique(),
        "patients": table["patient"].nunique(),
    }


def _check(table: pd.DataFrame, taxonomy: Taxonomy) -> None:
    orphans = table.loc[table["patient"].isna(), "case"]
    if len(orphans):
        raise DataError(f"{orphans.min()}: no patient is given for this case")
    for name in table["node"].unique():
        taxonomy.index(name)  # names the node that the tree does not have


def _summarise_node(rows: pd.DataFrame, bootstrap: PatientBootstrap) -> dict[str, Any]:
    measured = (*STRUCTURE_METRICS, *(metric for metric in _OPTIONAL if (rows["metric"] == metric).any()))
    metrics: dict[str, Any] = {metric: _estimate(rows[rows["metric"] == metric], bootstrap) for metric in measured}
    return {**metrics, "status_counts": _status_counts(rows)}


def _estimate(rows: pd.DataFrame, bootstrap: PatientBootstrap) -> Estimate:
    defined = rows.dropna(subset="value")
    return bootstrap.estimate(defined["value"].tolist(), defined["patient"].tolist())


def _mean_leaf(nodes: Mapping[str, Any], metric: str, taxonomy: Taxonomy) -> float | None:
    means = [nodes[name][metric]["mean"] for name in taxonomy.leaf_names[1:]]
    defined = [mean for mean in means if mean is not None]
    return float(np.mean(defined)) if defined else None


def _status_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Count each (case, structure) once, although it has a record for each metric."""
    counts = rows[rows["metric"] != _GIVEN_PARENT].drop_duplicates(["case", "node"])["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in STATUSES}
