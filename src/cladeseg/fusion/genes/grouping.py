"""Genes in groups, each of which becomes one token: pathways of a file, or clusters of genes that vary together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from cladeseg.files import DataError

#: Genes that are in no pathway.
OTHERS = "other genes"
_LOADINGS = 20


def gene_groups(
    expression: np.ndarray,
    genes: Sequence[str],
    *,
    count: int,
    pathways: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> dict[str, list[int]]:
    """Group → its columns; at least two groups, each with a gene.

    Args:
        expression: (N, G) standardised, of training patients only.
        genes: names of the columns.
        count: number of clusters, where there is no pathway; fewer where there are few genes.
        pathways: name → genes.  Genes that are not measured are left out; those in no pathway form a group.
        seed: of the clustering.

    Raises:
        DataError: there are fewer than two genes, or the pathways leave one group alone.
    """
    if len(genes) < 2:
        raise DataError(f"expression: has {len(genes)} gene; attention needs two at least")
    if pathways is None:
        return _clusters(expression, genes, min(count, len(genes) // 2), seed)
    found = _of_pathways(genes, pathways)
    if len(found) < 2:
        raise DataError(
            f"pathways: {', '.join(found) or 'none'} is the only one with genes of the expression, e.g. '{genes[0]}'; "
            "attention needs two groups: use the table's names of genes"
        )
    return found


def _of_pathways(genes: Sequence[str], pathways: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    place = {gene: column for column, gene in enumerate(genes)}
    found = {name: [place[gene] for gene in members if gene in place] for name, members in pathways.items()}
    found = {name: columns for name, columns in found.items() if columns}
    covered = {column for columns in found.values() for column in columns}
    rest = [column for column in range(len(genes)) if column not in covered]
    return {**found, OTHERS: rest} if rest else found


def _clusters(expression: np.ndarray, genes: Sequence[str], count: int, seed: int) -> dict[str, list[int]]:
    """By K-means on the genes' loadings; a group is named after the gene nearest to its middle."""
    count = max(2, count)
    loadings = _loadings(expression)
    model = KMeans(count, n_init=4, random_state=seed).fit(loadings)
    groups = [np.flatnonzero(model.labels_ == number) for number in range(count)]
    if min(map(len, groups)) == 0:  # genes that are all alike: K-means leaves clusters empty
        groups = np.array_split(np.arange(len(genes)), count)
    return {_name(loadings, columns, genes): columns.tolist() for columns in groups}


def _loadings(expression: np.ndarray) -> np.ndarray:
    """(G, k): where each gene lies among directions in which patients differ, at unit length."""
    components = min(_LOADINGS, *expression.shape)
    pca = PCA(components, random_state=0).fit(expression)
    loadings = pca.components_.T * np.sqrt(pca.explained_variance_)
    return loadings / (np.linalg.norm(loadings, axis=1, keepdims=True) + 1e-9)


def _name(loadings: np.ndarray, columns: np.ndarray, genes: Sequence[str]) -> str:
    middle = loadings[columns].mean(axis=0)
    nearest = columns[np.argmax(loadings[columns] @ middle)]
    return f"{genes[nearest]} and {len(columns) - 1} more" if len(columns) > 1 else genes[nearest]
