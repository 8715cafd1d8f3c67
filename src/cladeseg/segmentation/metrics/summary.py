"""From records to the figures that are reported: means, intervals, and how often there was nothing to average."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.metrics.record import (
    LESION_METRICS,
    STATUSES,
    STRUCTURE_METRICS,
    HierarchyRecord,
    Metric,
    Record,
)
from cladeseg.statistics.bootstrap import Estimate, PatientBootstrap
from cladeseg.taxonomy import Taxonomy

AnyRecord = Record | HierarchyRecord


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
    """
    cases = sorted({record.case for record in records})
    orphan = next((case for case in cases if case not in patients), None)
    if orphan is not None:
        raise DataError(f"{orphan}: no patient is given for this case")
    present = {patients[case] for case in cases}
    bootstrap = PatientBootstrap(present, seed=seed, resamples=resamples)
    by_node = _by_node(records, hierarchy_records, taxonomy)
    nodes = {name: _summarise_node(found, patients, bootstrap) for name, found in by_node.items()}
    return {
        "nodes": nodes,
        "mean_leaf": {metric: _mean_leaf(nodes, metric, taxonomy) for metric in ("dice", "iou")},
        "status_counts": _status_counts(records),
        "nesting_violations": int(nesting_violations),
        "nsd_tolerance_mm": float(tolerance_mm),
        "cases": len(cases),
        "patients": len(present),
    }


def _by_node(
    records: Iterable[Record], hierarchy_records: Iterable[HierarchyRecord], taxonomy: Taxonomy
) -> dict[str, list[AnyRecord]]:
    found: dict[str, list[AnyRecord]] = {name: [] for name in taxonomy.names[1:-1]}
    everything: Iterable[AnyRecord] = chain(records, hierarchy_records)
    for record in everything:
        taxonomy.index(record.node)  # names the node that the tree does not have
        found[record.node].append(record)
    return found


def _summarise_node(
    records: Sequence[AnyRecord], patients: Mapping[str, str], bootstrap: PatientBootstrap
) -> dict[str, Any]:
    measured = [record for record in records if isinstance(record, Record)]
    given_parent = [record for record in records if isinstance(record, HierarchyRecord)]
    metrics: dict[str, Any] = {
        metric: _estimate([r for r in measured if r.metric == metric], patients, bootstrap)
        for metric in _metrics_of(measured)
    }
    if given_parent:
        metrics["dice_given_parent"] = _estimate(given_parent, patients, bootstrap)
    return metrics | {"status_counts": _status_counts(measured)}


def _metrics_of(measured: Iterable[Record]) -> tuple[Metric, ...]:
    """Lesions are measured on request only; the other metrics are listed whether or not there is a value."""
    names = {record.metric for record in measured}
    return (*STRUCTURE_METRICS, *(metric for metric in LESION_METRICS if metric in names))


def _estimate(records: Sequence[AnyRecord], patients: Mapping[str, str], bootstrap: PatientBootstrap) -> Estimate:
    defined = [(record.value, patients[record.case]) for record in records if record.value is not None]
    return bootstrap.estimate([value for value, _ in defined], [patient for _, patient in defined])


def _mean_leaf(nodes: Mapping[str, Any], metric: str, taxonomy: Taxonomy) -> float | None:
    means = [nodes[name][metric]["mean"] for name in taxonomy.leaf_names[1:]]
    defined = [mean for mean in means if mean is not None]
    return float(np.mean(defined)) if defined else None


def _status_counts(records: Iterable[Record]) -> dict[str, int]:
    """Count each (case, structure) once, although it has a record for each metric."""
    counts = Counter({(record.case, record.node): record.status for record in records}.values())
    return {status: counts[status] for status in STATUSES}
