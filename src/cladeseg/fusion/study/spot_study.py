"""Expression from histology, spot by spot: components and retrieval on sections and patients that no training saw.

Protocols:
    ``patient``: all sections of a patient are held out together, so that no patient is on both sides.  The honest one.
    ``section``: one section is held out in turn; others of the same patient may be trained on, as is usual in papers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from cladeseg.files import DataError, atomic_write
from cladeseg.fusion.study.neighbourhood import neighbourhood_views
from cladeseg.fusion.study.ridge import averaged_ridge, nested_ridge
from cladeseg.fusion.study.scores import correlations, drawn_differences, ranks, recall_at
from cladeseg.fusion.study.spots import Spots, read_spots, spot_features

PROTOCOLS = ("patient", "section")
OURS, RIDGE, RIDGE_AROUND = "neighbourhood", "ridge", "ridge + neighbours"
METHODS = (OURS, RIDGE, RIDGE_AROUND)
COMPONENTS = 5
#: Components in which a patch is compared with spots.
RETRIEVAL_COMPONENTS = 20
RECALLS = (1, 5, 10)
#: Reach of a neighbourhood, standard deviations in spots.
WIDTHS = (0.6, 1.0, 1.5)

Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def run_spot_study(folder: Path, output: Path, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of the study, also as ``components.csv``, ``retrieval.csv`` and ``study.md`` in the output folder.

    Features are kept in ``output/work``; with them the study takes about a minute.

    Raises:
        DataError: a file is missing or does not fit the others.
    """
    spots = read_spots(folder)
    if len(np.unique(spots.sections)) < 3:
        raise DataError(
            f"{folder}: holds fewer than three sections; one is tested, and two at least select on each other"
        )
    features = spot_features(folder, spots, work_dir=output / "work").astype(float)
    components, retrieval = study_tables(spots, features, seed=seed)
    for name, table in (("components", components), ("retrieval", retrieval)):
        with atomic_write(output / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    with atomic_write(output / "study.md") as temporary:
        temporary.write_text(study_markdown(components, retrieval), encoding="utf-8")
    return components, retrieval


def study_tables(spots: Spots, features: np.ndarray, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Correlations of components and recalls, means over the held-out sections.

    Args:
        spots: of several sections.
        features: (N, F) of their patches.
        seed: of the resamples.

    Returns:
        Components with columns protocol, method, component, r, difference (ours minus this method), low, high, and
        retrieval with columns protocol, method, k, recall, chance.
    """
    methods, comparable = (_methods(spots, features, shared=shared) for shared in (False, True))
    components, retrieval = [], []
    for protocol in PROTOCOLS:
        folds = list(held_out(spots, protocol))
        components += _component_rows(spots, methods, protocol, folds, seed)
        retrieval += _retrieval_rows(spots, comparable, protocol, folds)
    return pd.DataFrame(components), pd.DataFrame(retrieval)


def held_out(spots: Spots, protocol: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each section with the rows that are trained on and its own."""
    for section in np.unique(spots.sections):
        test = spots.sections == section
        away = np.isin(spots.patients, spots.patients[test]) if protocol == "patient" else test
        if (~away).any():
            yield str(section), ~away, test


def _methods(spots: Spots, features: np.ndarray, *, shared: bool) -> dict[str, Predict]:
    """What predicts (targets, train, test) → (tests, C); ridge with one strength for all targets, or one for each."""
    views = neighbourhood_views(features, spots.places, spots.sections, widths=WIDTHS)
    groups = inner_groups(spots)

    def ours(targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return averaged_ridge(views, targets, train=train, test=test)

    def ridge(targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return nested_ridge(features, targets, train=train, test=test, groups=groups(train), shared=shared)

    def ridge_around(targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return nested_ridge(views[1], targets, train=train, test=test, groups=groups(train), shared=shared)

    return {OURS: ours, RIDGE: ridge, RIDGE_AROUND: ridge_around}


def inner_groups(spots: Spots) -> Callable[[np.ndarray], np.ndarray]:
    """Groups to select on: the training sections, or thirds of the only one, cut along its columns."""

    def groups(train: np.ndarray) -> np.ndarray:
        if len(np.unique(spots.sections[train])) > 1:
            return spots.sections
        columns = spots.places[:, 0]
        return np.digitize(columns, np.quantile(columns[train], [1 / 3, 2 / 3]))

    return groups


Fold = tuple[str, np.ndarray, np.ndarray]


def _component_rows(
    spots: Spots, methods: dict[str, Predict], protocol: str, folds: list[Fold], seed: int
) -> list[dict[str, object]]:
    scores: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    for _, train, test in folds:
        pca = PCA(COMPONENTS, random_state=0).fit(spots.expression[train])
        targets = pca.transform(spots.expression)
        found = {name: predict(targets, train, test) for name, predict in methods.items()}
        for name, predicted in found.items():
            scores[name].append(correlations(predicted, targets[test]))
            drawn[name].append(drawn_differences(found[OURS], predicted, targets[test], seed=seed))
    ours = np.mean(scores[OURS], axis=0)
    rows: list[dict[str, object]] = []
    for name in methods:
        mean = np.mean(scores[name], axis=0)
        low, high = np.percentile(np.mean(drawn[name], axis=0), [2.5, 97.5], axis=0)
        for number in range(COMPONENTS):
            compared = {"difference": ours[number] - mean[number], "low": low[number], "high": high[number]}
            rows.append({"protocol": protocol, "method": name, "component": number + 1, "r": mean[number], **compared})
    return rows


def _retrieval_rows(
    spots: Spots, methods: dict[str, Predict], protocol: str, folds: list[Fold]
) -> list[dict[str, object]]:
    found: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    for _, train, test in folds:
        pca = PCA(RETRIEVAL_COMPONENTS, whiten=True, random_state=0).fit(spots.expression[train])
        targets = pca.transform(spots.expression)
        for name, predict in methods.items():
            found[name].append(ranks(predict(targets, train, test), targets[test]))
    sizes = [int(test.sum()) for _, _, test in folds]
    return [
        {
            "protocol": protocol,
            "method": name,
            "k": k,
            "recall": float(np.mean([recall_at(one, k) for one in found[name]])),
            "chance": float(np.mean([k / size for size in sizes])),
        }
        for name in methods
        for k in RECALLS
    ]


def study_markdown(components: pd.DataFrame, retrieval: pd.DataFrame) -> str:
    """Both tables as a page."""
    lines = ["# Expression from histology", ""]
    for protocol in PROTOCOLS:
        lines += [f"## Held-out {protocol}", "", *_component_lines(components, protocol), ""]
        lines += [*_retrieval_lines(retrieval, protocol), ""]
    return "\n".join(lines)


def _component_lines(components: pd.DataFrame, protocol: str) -> Iterator[str]:
    header = [f"PC{number + 1}" for number in range(COMPONENTS)]
    yield f"| r of | {' | '.join(header)} |"
    yield f"|---|{'---|' * COMPONENTS}"
    for name in METHODS:
        rows = components[(components["protocol"] == protocol) & (components["method"] == name)]
        yield f"| {name} | {' | '.join(f'{r:.3f}' for r in rows['r'])} |"
    rows = components[(components["protocol"] == protocol) & (components["method"] == RIDGE)]
    cells = [f"{d:+.3f} ({low:+.3f} to {high:+.3f})" for d, low, high in rows[["difference", "low", "high"]].to_numpy()]
    yield f"| {OURS} − {RIDGE} | {' | '.join(cells)} |"


def _retrieval_lines(retrieval: pd.DataFrame, protocol: str) -> Iterator[str]:
    yield f"| recall at | {' | '.join(str(k) for k in RECALLS)} |"
    yield f"|---|{'---|' * len(RECALLS)}"
    of_protocol = retrieval[retrieval["protocol"] == protocol]
    for name in METHODS:
        yield f"| {name} | {' | '.join(f'{r:.3f}' for r in of_protocol[of_protocol['method'] == name]['recall'])} |"
    chance = of_protocol[of_protocol["method"] == OURS]["chance"]
    yield f"| chance | {' | '.join(f'{r:.3f}' for r in chance)} |"
