"""Fit an omics model: blocks without labels, heads, confidence on held-out rows, distillation, calibration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import Tensor

from cladeseg.classes import class_weights, cooled, fit_temperature, uncertain_below
from cladeseg.cohort import dealt_folds
from cladeseg.files import DataError
from cladeseg.omics.features import Block, fit_block
from cladeseg.omics.model.completion import Completion, fit_completion
from cladeseg.omics.model.confidence import confidence, fit_confidence
from cladeseg.omics.model.heads import fit_heads, head_logits, stacked
from cladeseg.omics.model.omics_model import OmicsModel, fuse, pooled
from cladeseg.omics.model.options import TEACHING, ModelOptions
from cladeseg.omics.model.subsets import head_subsets
from cladeseg.omics.model.teaching import Teaching, balanced
from cladeseg.omics.model.views import Scores, View, views_of

logger = logging.getLogger(__name__)

#: Share of wrong ones that predictions above the threshold may hold.
LARGEST_ERROR = 0.1
_ITERATIONS, _TAUGHT_ITERATIONS = 40, 25
#: Block, and scores of the training patients, by (omics, kind).
FittedBlocks = dict[tuple[int, str], tuple[Block, np.ndarray]]


class OmicsFit:
    """One fit; F = folds + 1 sets of training patients, the last of which holds everybody.

    Args:
        values: omics → (N, D) of the training patients, NaN where missing.
        possible: bool (N, C), classes below each patient's known node.
        options: see :class:`ModelOptions`.
        blocks: fitted blocks and scores of these patients, where somebody has them; see :func:`fit_blocks`.

    Raises:
        DataError: fewer than two classes are labelled.
    """

    def __init__(
        self,
        values: Mapping[str, np.ndarray],
        possible: Tensor,
        options: ModelOptions,
        blocks: FittedBlocks | None = None,
    ) -> None:
        self.omics = tuple(values)
        self.possible = possible
        self.options = options
        self.fine = possible.sum(dim=1) == 1
        if len(set(possible[self.fine].int().argmax(dim=1).tolist())) < 2:
            raise DataError("labels: fewer than two classes are labelled among the training patients; label more")
        fitted = blocks or fit_blocks(values, options)
        self.blocks = {key: block for key, (block, _) in fitted.items()}
        self.scores: Scores = {key: scores for key, (_, scores) in fitted.items()}
        self.present = np.stack([~np.isnan(table).all(axis=1) for table in values.values()], axis=1)
        self.subsets = head_subsets(len(self.omics))
        self.fold = _folds(possible, self.fine, options.folds)
        self.history: list[dict[str, float]] = []
        self.weights = torch.empty(0)
        self.untaught: OmicsModel | None = None

    # ---- rows --------------------------------------------------------------------------------------------------------

    @cached_property
    def held_in(self) -> Tensor:
        """Bool (F, N), whose label each set of training patients may use."""
        sets = torch.arange(self.options.folds + 1)[:, None] != self.fold[None]
        return sets | (self.fold < 0)[None]

    @cached_property
    def completions(self) -> list[Completion | None]:
        """Of each head, what the omics that it does not join would score; labels play no part."""
        if not self.options.complete:
            return [None] * len(self.subsets)
        return [fit_completion(self.scores, subset, self.options.blocks[0]) for subset in self.subsets]

    def label_weights(self, views: list[View]) -> Tensor:
        """(F, V, N), zero for patients who lack an omics of the view."""
        rows = torch.stack([class_weights(self.possible, known) for known in self.held_in]).double()
        has = torch.stack([torch.from_numpy(self.present[:, list(view.subset)].all(axis=1)) for view in views])
        return rows[:, None] * has[None]

    def out_of_fold(self, log_p: Tensor) -> Tensor:
        """(…, F, …, N, C) with F first → what each labelled patient's fold did not see; (…, n, C)."""
        rows = torch.arange(len(self.fold))[self.fine]
        return torch.stack([log_p[f, ..., i, :] for f, i in zip(self.fold[rows], rows, strict=True)], dim=-2)

    # ---- stages ------------------------------------------------------------------------------------------------------

    def run(self) -> OmicsModel:
        """Fit everything; each epoch of the engine is one fit of all heads, the first on labels alone.

        ``untaught`` is then the model that the first one gave: ours without distillation.
        """
        self._choose_lead()
        self._set_views()
        engine = Engine(self._round)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._log)
        engine.run([0], max_epochs=1 + self.options.rounds)
        return self._model()

    def taught_otherwise(self, options: ModelOptions) -> OmicsModel:
        """The model that other teaching gives, from the fit to labels of this run.

        Raises:
            ValueError: the options differ in more than teaching.
        """
        if not self.options.same_labels_fit(options):
            raise ValueError(f"options: differ in more than {', '.join(TEACHING)}; fit anew")
        fit = copy(self)
        fit.__dict__.pop("completions", None)
        fit.options = options
        fit.weights, fit.log_p, fit.lines = self._by_labels
        for _ in range(options.rounds):
            fit._taught_fit()
            fit._look_at_held_out()
        return fit._model()

    def _choose_lead(self) -> None:
        """Which omics is best, by the held-out probability of the true class, neighbours heard.

        All classes alike, two labels of a rare one often decided, and wrongly, on development splits.
        """
        singles = self.subsets[: len(self.omics)]
        one = [1.0] * len(self.omics)
        views = [views_of(subset, one, self.options, share=self._unlabelled) for subset in singles]
        held_out = self.out_of_fold(self._fit(views))
        self.quality = np.array([self._mean_true(held_out[i], i) for i in range(len(singles))])

    def _set_views(self) -> None:
        """All views of all heads; neighbours count by the share of patients without a class label.

        Without the leading omics they mislead: on every development split such heads lost by them.
        """
        lead = int(self.quality.argmax())
        factor = [self.options.lead_weight if i == lead else 1.0 for i in range(len(self.omics))]
        shares = [self._unlabelled if lead in subset else 0.0 for subset in self.subsets]
        self.views = [
            views_of(subset, factor, self.options, share=share)
            for subset, share in zip(self.subsets, shares, strict=True)
        ]

    def _fit(self, views: list[list[View]]) -> Tensor:
        flat = [view for group in views for view in group]
        features = stacked([view(self.scores) for view in flat])
        weights, _ = fit_heads(
            features, self.possible, self.label_weights(flat), penalty=self.options.penalty, iterations=20
        )
        return pooled(head_logits(features, weights), views)

    def _round(self, engine: Engine, batch: int) -> float:
        loss = self._first_fit() if engine.state.epoch == 1 else self._taught_fit()
        held_out = self._look_at_held_out()
        self.history.append({"epoch": engine.state.epoch, "loss": loss, "held_out_log_p": held_out})
        return loss

    def _look_at_held_out(self) -> float:
        """Confidence of every head; mean log p of the true class of the head of all omics."""
        self.log_p = pooled(head_logits(self.features, self.weights), self.views)
        held_out = self.out_of_fold(self.log_p)
        true = [self._true(held_out[h]) for h in range(len(self.subsets))]
        self.lines = torch.stack([fit_confidence(held_out[h], true[h]) for h in range(len(self.subsets))])
        return float(true[-1].mean())

    def _first_fit(self) -> float:
        flat = [view for group in self.views for view in group]
        self.features = stacked([view(self.scores) for view in flat])
        self.weights, loss = fit_heads(
            self.features,
            self.possible,
            self.label_weights(flat),
            penalty=self.options.penalty,
            iterations=_ITERATIONS,
        )
        return loss

    def _taught_fit(self) -> float:
        sizes = torch.tensor([len(group) for group in self.views])
        taught, known = balanced(self._taught(), self._known())
        flat = [view for group in self.views for view in group]
        # Superclass labels keep their weight; class labels are weighed together with what is taught.
        weights = torch.where(self.fine, known.repeat_interleave(sizes, dim=1), self.label_weights(flat))
        self.weights, loss = fit_heads(
            self.features,
            self.possible,
            weights,
            penalty=self.options.penalty,
            taught=taught.repeat_interleave(sizes, dim=1),
            temperature=self.options.temperature if self.options.targets == "soft" else 1.0,
            start=self.weights,
            iterations=_TAUGHT_ITERATIONS,
        )
        return loss

    def _known(self) -> Tensor:
        """(F, H, N, C) one-hot classes that each set of training patients may use and each head can see."""
        has = torch.stack([torch.from_numpy(self.present[:, list(s)].all(axis=1)) for s in self.subsets])
        used = self.held_in[:, None] & (has & self.fine)[None]
        return used[..., None] * self.possible.double()

    def _prior(self) -> Tensor:
        """(F, 1, C) log-frequencies of the classes among the labels of each set."""
        counts = (self.held_in & self.fine)[..., None] * self.possible.double()
        return counts.sum(dim=1, keepdim=True).clamp_min(0.5).log()

    def _taught(self) -> Tensor:
        sure = torch.stack([confidence(self.log_p[:, h], self.lines[h]) for h in range(len(self.subsets))], dim=1)
        fused = fuse(self.log_p, self.present, self.subsets) + self.options.prior * self._prior()
        # Patients whose class is known are taught in no set: those whom a set holds out must stay unseen by it.
        fine = self.fine[None].expand(len(self.held_in), -1)
        taught = ~fine if self.options.unlabelled else fine & self.held_in
        return Teaching(self.options, self.subsets, int(self.quality.argmax())).targets(
            self.log_p, sure, fused, taught=taught, possible=self.possible, present=self.present
        )

    def _log(self, engine: Engine) -> None:
        if engine.state.epoch == 1:
            self.untaught = self._model()
            self._by_labels = self.weights, self.log_p, self.lines
        row = self.history[-1]
        logger.info("round %d: loss %.4g, held-out log p %.4f", row["epoch"], row["loss"], row["held_out_log_p"])

    # ---- results -----------------------------------------------------------------------------------------------------

    def _true(self, held_out: Tensor) -> Tensor:
        return held_out[self.possible[self.fine]]

    def _mean_true(self, held_out: Tensor, omics: int) -> float:
        """Mean probability of the true class among who has the omics."""
        has = torch.from_numpy(self.present[:, omics])[self.fine]
        return float(self._true(held_out).exp()[has].mean()) if has.any() else 0.0

    @cached_property
    def _unlabelled(self) -> float:
        """Share of patients without a class label."""
        return 1 - float(self.fine.double().mean())

    def _model(self) -> OmicsModel:
        temperatures, threshold = self._calibrate()
        return OmicsModel(
            self.omics,
            self.blocks,
            self.scores,
            self.subsets,
            self.views,
            self.weights[-1],
            self.lines,
            self.quality,
            temperatures,
            threshold,
            self.completions,
        )

    def fold_models(self) -> list[OmicsModel]:
        """The fits that did without the labels of a fold each; they say what would be the same with other labels."""
        whole = self._model()
        return [replace(whole, weights=weights) for weights in self.weights[:-1]]

    def _calibrate(self) -> tuple[np.ndarray, float]:
        """A temperature for each pattern of omics that has a head, by fused held-out predictions of that pattern."""
        possible, found, threshold = self.possible[self.fine], [], 1.0
        for subset in self.subsets:
            pattern = np.zeros_like(self.present)
            pattern[:, list(subset)] = True
            has = torch.from_numpy((self.present | ~pattern).all(axis=1))[self.fine]
            held_out = self.out_of_fold(fuse(self.log_p, pattern, self.subsets))[has]
            found.append(fit_temperature(held_out, possible[has]))
            best = cooled(held_out, found[-1]).exp().max(dim=-1)
            right = possible[has][torch.arange(len(held_out)), best.indices].numpy()
            threshold = uncertain_below(best.values.numpy(), right, LARGEST_ERROR) if len(held_out) else 1.0
        return np.array(found), threshold


def fit_blocks(values: Mapping[str, np.ndarray], options: ModelOptions) -> FittedBlocks:
    """Blocks of every omics and their scores of the training patients; labels play no part."""
    return {
        (i, kind): fit_block(kind, table, options.components, options.contrast)
        for i, table in enumerate(values.values())
        for kind in options.forms
    }


def fit_model(values: Mapping[str, np.ndarray], possible: Tensor, options: ModelOptions) -> OmicsModel:
    """Fit a model; see :class:`OmicsFit`."""
    return OmicsFit(values, possible, options).run()


def _folds(possible: Tensor, fine: Tensor, count: int) -> Tensor:
    """Fold (N,) of each patient whose class is known, -1 for others; each class is dealt out in turn."""
    classes = torch.where(fine, possible.int().argmax(dim=1), -1)
    return torch.from_numpy(dealt_folds(classes.numpy(), count))
