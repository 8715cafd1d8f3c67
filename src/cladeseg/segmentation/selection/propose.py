"""Which cases an expert should label finely: the few that stand for all the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.data import ImageFiles, resolve_label_convention, scan
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.selection.candidates import CandidateFeatures, candidate_features
from cladeseg.segmentation.selection.feature_space import distance_percentiles, pairwise_distances, standardise
from cladeseg.segmentation.selection.features import Feature
from cladeseg.segmentation.selection.medoids import k_medoids, nearest_medoid
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, resolve_superclass
from cladeseg.segmentation.selection.uncertainty import uncertainties
from cladeseg.taxonomy import Taxonomy

_NAMED_DIFFERENCES = 2


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A case that is worth a fine label.

    Attributes:
        case: its name.
        patient: whose it is; with the patient's name a training uses the labels of all cases of that patient.
        cluster_size: number of cases, itself included, that it stands for: it is the nearest chosen one.
        distance_percentile: percentage of the other cases that are more typical, i.e. nearer to the median of all
            features.
        reason: in words.
        image: absolute paths of its image.
        label: absolute path of its label.
    """

    case: str
    patient: str
    cluster_size: int
    distance_percentile: float
    reason: str
    image: ImageFiles
    label: str


def select_cases(
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    *,
    layout: str,
    label_convention: str,
    budget: int,
    superclass: str | None = None,
    only: Collection[str] | None = None,
    labelled: Collection[str] = (),
    intensity: str = "percentiles",
    predictor: Predictor | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> list[Proposal]:
    """Propose the cases that should be labelled finely, from images and superclass labels alone.

    The k medoids of the cases' features are proposed: the choice M for which the sum over all cases j of
    w_j · min over m in M of d(m, j) is smallest, where d is the Euclidean distance of robustly standardised features
    (see ``feature_space.standardise``), at most one case of a patient, identical scans counted once.
    Without a predictor w = 1.  With one, w_j = H_j / mean(H), where H_j is the mean entropy of the leaf given
    the superclass in case j: a case that is twice as uncertain counts like two, so that proposals move to where the
    network is uncertain, yet stay typical of such cases.

    Args:
        dataset_dir: the folder.
        taxonomy: the tree of its labels.
        layout: folder layout.
        label_convention: file convention of the labels; ``"auto"`` finds it out.
        budget: number of cases.
        superclass: the outline to look at, names joined by ``+``; the tree's coarsest if ``None``.
        only: patients to choose among and to be typical of, e.g. those of the training part; all if ``None``.
        labelled: patients that have fine labels: never proposed, and what they stand for needs no other case.
        intensity: kind of normalisation, see :func:`cladeseg.segmentation.transforms.preprocessing`.
        predictor: of a first training.
        workers: threads that read files.
        progress: show progress bars.

    Returns:
        ``budget`` proposals, those that stand for most cases first.

    Raises:
        DataError: a file cannot be used, a named patient is not there, or fewer than ``budget`` patients are.
        TaxonomyError: no such superclass or label convention.
        ValueError: no such kind of intensity.
    """
    found = scan(dataset_dir, layout)
    load = SuperclassLoader(
        taxonomy,
        label_convention=resolve_label_convention(label_convention, found, dataset_dir, taxonomy, layout),
        superclass=resolve_superclass(superclass, taxonomy),
        intensity=intensity,
    )
    cases = _chosen_patients(found, only, labelled, dataset_dir)
    candidates = candidate_features(cases, dataset_dir, load, workers=workers, progress=progress)
    uncertainty = None if predictor is None else uncertainties(predictor, candidates.cases, load, progress=progress)
    return propose(candidates, budget, labelled=labelled, uncertainty=uncertainty)


def propose(
    candidates: CandidateFeatures,
    budget: int,
    *,
    labelled: Collection[str] = (),
    uncertainty: np.ndarray | None = None,
) -> list[Proposal]:
    """Choose among candidates; see :func:`select_cases`.

    Args:
        candidates: the cases with their features.
        budget: number of cases.
        labelled: patients that have fine labels.
        uncertainty: (cases,) mean entropy of the leaf given the superclass, in nats.

    Raises:
        DataError: fewer than ``budget`` patients are left to choose from.
    """
    done = candidates.groups_of(labelled)
    left = len(set(candidates.groups) - done)
    if not 1 <= budget <= left:
        raise DataError(f"budget: {budget} cases asked for; 1 to {left} can be proposed, one of a patient")
    coordinates = standardise(candidates.table, [feature.kind for feature in candidates.features[0]])
    distances = pairwise_distances(coordinates)
    fixed = [i for i, group in enumerate(candidates.groups) if group in done]
    chosen = k_medoids(
        distances,
        budget,
        groups=[-1 if group in done else group for group in candidates.groups],
        weights=_weights(uncertainty),
        covered=distances[fixed].min(axis=0, initial=np.inf),
    )
    # Chosen ones first, so that of two equally near ones the new one counts.
    sizes = np.bincount(nearest_medoid(distances, [*chosen, *fixed]), minlength=len(chosen))
    order = sorted(range(budget), key=lambda place: (-sizes[place], chosen[place]))
    percentiles = distance_percentiles(coordinates)
    return [_proposal(candidates, chosen[k], int(sizes[k]), float(percentiles[chosen[k]]), uncertainty) for k in order]


def _weights(uncertainty: np.ndarray | None) -> np.ndarray | None:
    """w_j = H_j / mean(H); ``None``, i.e. all alike, where all is certain."""
    return None if uncertainty is None or not uncertainty.any() else uncertainty / uncertainty.mean()


def _chosen_patients(
    cases: Sequence[Mapping[str, Any]],
    only: Collection[str] | None,
    labelled: Collection[str],
    dataset_dir: str | Path,
) -> list[Mapping[str, Any]]:
    there = {case["patient"] for case in cases}
    unknown = sorted({*(only or ()), *labelled} - there)
    if unknown:
        raise DataError(f"{dataset_dir}: has no patient '{unknown[0]}'; it has {', '.join(sorted(there)[:5])} …")
    return [case for case in cases if only is None or case["patient"] in {*only, *labelled}]


# ---- the reason ------------------------------------------------------------------------------------------------------


def _proposal(
    candidates: CandidateFeatures, i: int, size: int, percentile: float, uncertainty: np.ndarray | None
) -> Proposal:
    case = candidates.cases[i]
    reason = [f"typical of {size} of {len(candidates.cases)} cases", *_descriptions(candidates, i)]
    if uncertainty is not None:
        reason.append(f"uncertainty {uncertainty[i]:.2g} nats (mean {uncertainty.mean():.2g})")
    return Proposal(
        case=case["case"],
        patient=case["patient"],
        cluster_size=size,
        distance_percentile=percentile,
        reason="; ".join(reason),
        image=case["image"],
        label=case["label"],
    )


def _descriptions(candidates: CandidateFeatures, i: int) -> list[str]:
    """The case's first feature, its volume, and those in which it differs most from the others."""
    features = list(candidates.features[i])
    table = candidates.table
    # One kind per feature: here each speaks for itself.
    apart = np.abs(standardise(table, [feature.name for feature in features])[i, 1:])
    most = 1 + np.argsort(-apart, kind="stable")[:_NAMED_DIFFERENCES]
    differing = " and ".join(_compared(features[f], table[:, f], i) for f in most)
    return [_compared(features[0], table[:, 0], i), f"differs most in {differing}"]


def _compared(feature: Feature, values: np.ndarray, i: int) -> str:
    value = f"{values[i]:.3g} {feature.unit}".strip()
    return f"{feature.name} {value} (median {np.nanmedian(values):.3g})"
