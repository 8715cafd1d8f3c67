"""A cohort as tensors, scaled by what training patients were like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from cladeseg.files import DataError
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting.options import FitSettings
from cladeseg.fusion.genes import choose_panel, gene_groups, read_pathways

#: Stand in for genes where no training patient has expression; nobody has values of them.
_NO_GENES = {"no genes": [0], "none either": [1]}
_FITTED_TILES = 20_000


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Patients as tensors.

    Attributes:
        tiles: float32 (N, T, F), zero where there is no tile.
        tile_mask: bool (N, T).
        expression: float32 (N, G), zero where there is none.
        has_expression: bool (N,).
    """

    tiles: Tensor
    tile_mask: Tensor
    expression: Tensor
    has_expression: Tensor

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def present(self) -> Tensor:
        """Bool (N, 2), who has tiles and expression."""
        return torch.stack([self.tile_mask.any(dim=1), self.has_expression], dim=1)

    def take(self, rows: Tensor) -> Batch:
        """Some patients."""
        return Batch(
            tiles=self.tiles[rows],
            tile_mask=self.tile_mask[rows],
            expression=self.expression[rows],
            has_expression=self.has_expression[rows],
        )

    def kept(self, present: Tensor) -> Batch:
        """The same patients, each with the modalities (N, 2) that are kept."""
        return replace(
            self,
            tile_mask=self.tile_mask & present[:, :1],
            has_expression=self.has_expression & present[:, 1],
        )

    def pooled(self) -> Tensor:
        """(N, 2F): mean and standard deviation of each patient's tiles; zero for those without."""
        mask = self.tile_mask[..., None]
        count = mask.sum(dim=1).clamp_min(1)
        mean = (self.tiles * mask).sum(dim=1) / count
        variance = ((self.tiles - mean[:, None]) ** 2 * mask).sum(dim=1) / count
        return torch.cat([mean, variance.sqrt()], dim=1)


@dataclass(frozen=True, kw_only=True)
class InputScaling:
    """What turns a cohort into tensors; all of it comes from training patients.

    Attributes:
        genes: names of the genes that are used.
        groups: name → their columns among these.
        gene_mean: (G,).
        gene_std: (G,).
        tile_mean: (F,) of tile features.
        tile_map: (F, k), principal components divided by their spread.
    """

    genes: tuple[str, ...]
    groups: Mapping[str, list[int]]
    gene_mean: np.ndarray
    gene_std: np.ndarray
    tile_mean: np.ndarray
    tile_map: np.ndarray

    def batch(self, cohort: FusionCohort) -> Batch:
        """Tensors of any patients; genes of which a patient or the whole table lacks a value are at their mean.

        Raises:
            DataError: the cohort's expression has none of the genes, or its tiles come from another network.
        """
        expression, has = self._expression(cohort)
        counts = [len(cohort.bags[name]) if name in cohort.bags else 0 for name in cohort.patients]
        tiles = np.zeros((len(counts), max(1, *counts), self.tile_map.shape[1]), np.float32)
        for row, name in enumerate(cohort.patients):
            if name in cohort.bags:
                tiles[row, : counts[row]] = self._mapped(cohort, name)
        mask = np.arange(tiles.shape[1]) < np.array(counts)[:, None]
        return Batch(
            tiles=torch.from_numpy(tiles),
            tile_mask=torch.from_numpy(mask),
            expression=torch.from_numpy(expression.astype(np.float32)),
            has_expression=torch.from_numpy(has),
        )

    def missing_genes(self, cohort: FusionCohort) -> list[str]:
        """Genes that the model takes and the cohort's table lacks."""
        return sorted(set(self.genes) - set(cohort.genes))

    def _expression(self, cohort: FusionCohort) -> tuple[np.ndarray, np.ndarray]:
        scaled = np.zeros((len(cohort.patients), len(self.gene_mean)))
        if not self.genes or not cohort.has_expression.any():
            return scaled, np.zeros(len(scaled), bool)
        place = {gene: column for column, gene in enumerate(cohort.genes)}
        known = [column for column, gene in enumerate(self.genes) if gene in place]
        if not known:
            raise DataError(
                f"expression: has none of the {len(self.genes)} genes that the model takes, e.g. '{self.genes[0]}', "
                f"but e.g. '{cohort.genes[0]}'; use the names of the training"
            )
        values = cohort.expression[:, [place[self.genes[column]] for column in known]]
        scaled[:, known] = np.nan_to_num((values - self.gene_mean[known]) / self.gene_std[known])
        return scaled, ~np.isnan(values).all(axis=1)

    def _mapped(self, cohort: FusionCohort, patient: str) -> np.ndarray:
        features = cohort.bags[patient].features
        if features.shape[1] != len(self.tile_mean):
            raise DataError(
                f"{patient}: tiles have {features.shape[1]} features, but the model was trained on "
                f"{len(self.tile_mean)}; use the image settings of the training"
            )
        return (features - self.tile_mean) @ self.tile_map


def fit_inputs(cohort: FusionCohort, settings: FitSettings) -> InputScaling:
    """Panel, groups, means, spreads and components of training patients.

    Raises:
        DataError: the pathways do not fit the genes.
    """
    return InputScaling(**_fit_genes(cohort, settings), **_fit_tiles(cohort, settings))


def _fit_genes(cohort: FusionCohort, settings: FitSettings) -> dict:
    has = cohort.has_expression
    if not has.any() or len(cohort.genes) < 2:
        return {"genes": (), "groups": _NO_GENES, "gene_mean": np.zeros(2), "gene_std": np.ones(2)}
    values = cohort.expression[has]
    mean = np.nanmean(values, axis=0)
    filled = np.where(np.isnan(values), mean, values)
    wanted = settings.genes
    columns = np.arange(len(mean)) if wanted.panel is None else choose_panel(filled, cohort.classes[has], wanted.panel)
    std = filled.std(axis=0) + 1e-6
    names = tuple(cohort.genes[column] for column in columns)
    pathways = None if wanted.pathways is None else read_pathways(wanted.pathways)
    scaled = ((filled - mean) / std)[:, columns]
    groups = gene_groups(scaled, names, count=wanted.groups, pathways=pathways, seed=settings.seed)
    return {"genes": names, "groups": groups, "gene_mean": mean[columns], "gene_std": std[columns]}


def _fit_tiles(cohort: FusionCohort, settings: FitSettings) -> dict:
    if not cohort.bags:
        return {"tile_mean": np.zeros(1, np.float32), "tile_map": np.zeros((1, 1), np.float32)}
    tiles = np.concatenate([cohort.bags[name].features for name in sorted(cohort.bags)])
    random = np.random.default_rng(settings.seed)
    drawn = random.choice(len(tiles), _FITTED_TILES, replace=False) if len(tiles) > _FITTED_TILES else slice(None)
    count = min(settings.network.image_components, *tiles[drawn].shape)
    pca = PCA(count, svd_solver="randomized", random_state=settings.seed).fit(tiles[drawn])
    spread = np.sqrt(pca.explained_variance_) + 1e-6
    return {"tile_mean": pca.mean_.astype(np.float32), "tile_map": (pca.components_.T / spread).astype(np.float32)}
