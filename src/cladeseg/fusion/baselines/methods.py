"""Every method by name: trained on some patients, asked about others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cladeseg.classes import class_names
from cladeseg.files import check_choice
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting import LINEAR, FitSettings, FusionModel, fit_fusion, fit_linear

#: Cross-attention networks and linear models, combined.
OURS = "fusion"
#: Deep rows: name → form of the network, and the modality that is hidden from it.
_DEEP = {
    "genes: network": ("cross_attention", "images"),
    "images: network": ("cross_attention", "expression"),
    "both: late fusion": ("late", None),
    "both: concatenation": ("concatenation", None),
}
#: The network of ours alone.
ATTENTION = "both: cross-attention"
BASELINES = (*LINEAR, *_DEEP, ATTENTION)
#: Rows that look at one modality.
GENE_ROWS = tuple(name for name in BASELINES if name.startswith("genes"))
IMAGE_ROWS = tuple(name for name in BASELINES if name.startswith("images"))


def usable(name: str, cohort: FusionCohort) -> bool:
    """Whether a cohort has what a method looks at."""
    genes, images = bool(cohort.has_expression.any()), bool(cohort.has_images.any())
    if name.startswith("genes"):
        return genes
    return images if name.startswith("images") else images and genes


def method_probabilities(
    name: str, training: FusionCohort, test: FusionCohort, settings: FitSettings, *, ours: FusionModel | None = None
) -> np.ndarray:
    """Probabilities (N, C) of the test patients; NaN for those who lack what the method looks at.

    Args:
        name: one of :data:`BASELINES`.
        training: patients, with the labels that may be seen.
        test: other patients.
        settings: of the fit; a baseline has those of ours but for what it is about.
        ours: model of ours on the same training patients, whose scaling and networks are used again.

    Raises:
        ValueError: there is no such method.
    """
    check_choice("baseline", name, BASELINES)
    if name in LINEAR:
        return _linear(name, training, test, ours or fit_fusion(training, settings))
    if name == ATTENTION:
        return _probabilities((ours or fit_fusion(training, settings)).predict(test).network.log_p)
    form, hidden = _DEEP[name]
    network = settings.network.model_copy(update={"form": form})
    plain = settings.training.model_copy(update={"experts": False})
    one = settings.model_copy(update={"network": network, "training": plain})
    seen = training if hidden is None else training.without(hidden)
    return _probabilities(fit_fusion(seen, one).predict(test if hidden is None else test.without(hidden)).log_p)


def _linear(name: str, training: FusionCohort, test: FusionCohort, ours: FusionModel) -> np.ndarray:
    count = len(class_names(training.tree))
    expert = ours.experts.get(name) or fit_linear(name, ours.scaling.batch(training), training.classes, count)
    if expert is None:
        return np.full((len(test.patients), count), np.nan)
    return _probabilities(expert.log_p(ours.scaling.batch(test)))


def _probabilities(log_p: torch.Tensor) -> np.ndarray:
    return log_p.exp().double().numpy()


def chosen_baselines(names: Sequence[str] | str, cohort: FusionCohort) -> tuple[str, ...]:
    """``"all"`` that the cohort allows, or the named ones."""
    for name in () if isinstance(names, str) else names:
        check_choice("baseline", name, BASELINES)
    wanted = BASELINES if names == "all" else tuple(names)
    return tuple(name for name in wanted if usable(name, cohort))
