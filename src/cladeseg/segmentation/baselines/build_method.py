"""Every training method that is compared, by name and plain values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from cladeseg.files import check_choice
from cladeseg.segmentation.baselines.bcp import BcpStep
from cladeseg.segmentation.baselines.cross_pseudo import CrossPseudoStep
from cladeseg.segmentation.baselines.mean_teacher import MeanTeacherStep
from cladeseg.segmentation.baselines.unimatch import UniMatchStep
from cladeseg.segmentation.engines import Step, SupervisedStep, build_step
from cladeseg.segmentation.losses.label_set_loss import LabelSetLoss
from cladeseg.taxonomy import Taxonomy


def build_method(name: str, taxonomy: Taxonomy, loss: nn.Module, **options: Any) -> Step:
    """Build a training method.

    Args:
        name: ``"supervised"``, ``"label_set"`` (supervised, with
            :class:`~cladeseg.segmentation.losses.LabelSetLoss` in place of ``loss``), ``"mean_teacher"``, ``"cps"``,
            ``"bcp"``, ``"unimatch"``, or ``"hierarchical_mix"``, which is
            :func:`~cladeseg.segmentation.engines.build_step`.
        taxonomy: the label tree.
        loss: on node maps.
        options: of the method; see its class.  ``cps`` needs ``network``, the untrained student.

    Raises:
        ValueError: an unknown name or option, a missing one, or one out of range.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> step = build_method("mean_teacher", tree, nn.Module(), ramp=100, weight=0.1)
        >>> step.ramp(1000)
        0.1
    """
    check_choice("method", name, METHODS)
    build = METHODS[name]
    _check_options(name, build, options)
    return build(taxonomy, loss, **options)


def _supervised(taxonomy: Taxonomy, loss: nn.Module) -> Step:
    return SupervisedStep(loss)


def _label_set(
    taxonomy: Taxonomy, loss: nn.Module, *, lambda_dice: float = 1.0, lambda_ce: float = 1.0, squared: bool = True
) -> Step:
    return SupervisedStep(LabelSetLoss(taxonomy, lambda_dice=lambda_dice, lambda_ce=lambda_ce, squared=squared))


#: Methods by name.
METHODS: dict[str, Callable[..., Step]] = {
    "supervised": _supervised,
    "label_set": _label_set,
    "mean_teacher": MeanTeacherStep,
    "cps": CrossPseudoStep,
    "bcp": BcpStep,
    "unimatch": UniMatchStep,
    "hierarchical_mix": build_step,
}
#: Methods that never use the teacher's predictions.
WITHOUT_TEACHER = frozenset({"supervised", "label_set", "cps"})


def _check_options(name: str, build: Callable[..., Step], options: dict[str, Any]) -> None:
    """Refuse what the method's signature does not have, and the lack of what it needs."""
    known = {o: p for o, p in inspect.signature(build).parameters.items() if o not in {"taxonomy", "loss"}}
    for option in options:
        check_choice(f"option of method '{name}'", option, known)
    missing = [option for option, p in known.items() if p.default is p.empty and option not in options]
    if missing:
        raise ValueError(f"method '{name}' needs the option '{missing[0]}'")
