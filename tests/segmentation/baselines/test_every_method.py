"""What all semi-supervised methods have in common: where gradients go, when they are silent, and that they learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_batches import batch_of, tiny_net
from torch import nn

from cladeseg.segmentation.baselines import METHODS, WITHOUT_TEACHER, build_method
from cladeseg.segmentation.engines import Step, StepInput, SupervisedStep, step_generator
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.taxonomy import Taxonomy

SEMI = ["mean_teacher", "cps", "bcp", "unimatch"]
#: Options with which an untrained network is confident enough.
EAGER: dict[str, dict[str, Any]] = {"unimatch": {"threshold": 0.0}}


def method(name: str, tree: Taxonomy, network: nn.Module, *, head: str = "factorised", **options: Any) -> Step:
    own = {"network": network} if name == "cps" else {}
    return build_method(name, tree, build_loss(tree, head=head), **{"ramp": 0, **EAGER.get(name, {}), **own, **options})


def run(name: str, tree: Taxonomy, given: StepInput, **options: Any) -> dict[str, torch.Tensor]:
    return method(name, tree, given.network, **options)(given)


def silent(network: nn.Module) -> list[str]:
    return [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("name", SEMI)
@pytest.mark.parametrize("head", ["factorised", "flat", "two_head"])
def test_the_gradient_reaches_every_parameter_and_no_teacher(acdc_tree, name, head):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled", network=tiny_net(acdc_tree, head=head))
    step = method(name, acdc_tree, given.network, head=head)
    step(given)["loss"].backward()
    assert silent(given.network) == []
    assert name != "cps" or silent(step.second) == []
    assert all(p.grad is None and not p.requires_grad for p in given.teacher.network.parameters())


@pytest.mark.parametrize("name", SEMI)
def test_the_unsupervised_loss_alone_reaches_every_parameter(acdc_tree, name):
    # A flat head: in a factorised one, hard labels teach a branch only where they lie inside it.
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled", network=tiny_net(acdc_tree, head="flat"))
    run(name, acdc_tree, given)["unsupervised"].backward()
    assert silent(given.network) == []


@pytest.mark.parametrize("name", SEMI)
def test_the_total_is_supervised_plus_weighted_unsupervised(acdc_tree, name):
    losses = run(name, acdc_tree, batch_of(acdc_tree, "fine", "heart", "unlabelled"), weight=0.25)
    parts = losses["supervised"] + losses.get("second", 0) + 0.25 * losses["unsupervised"]
    torch.testing.assert_close(losses["loss"], parts)
    assert losses["unsupervised"] > 0


@pytest.mark.parametrize("name", SEMI)
def test_coarse_cases_keep_the_marginal_loss_on_their_nodes(acdc_tree, name):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled")
    plain = SupervisedStep(build_loss(acdc_tree))(given)["loss"]
    torch.testing.assert_close(run(name, acdc_tree, given)["supervised"], plain)


@pytest.mark.parametrize("name", SEMI)
@pytest.mark.parametrize(
    ("supervisions", "options"),
    [
        (("fine", "fine"), {}),
        (("fine", "heart"), {"weight": 0.0}),
        (("fine", "heart"), {"start": 1}),
    ],
    ids=["only fine", "weight 0", "before the start"],
)
def test_with_nothing_unlabelled_only_the_supervised_loss_is_left(acdc_tree, name, supervisions, options):
    given = batch_of(acdc_tree, *supervisions)
    losses = run(name, acdc_tree, given, **options)
    plain = SupervisedStep(build_loss(acdc_tree))(given)["loss"]
    assert "unsupervised" not in losses
    torch.testing.assert_close(losses["loss"] - losses.get("second", 0), plain)


def test_bcp_without_a_fine_case_has_no_partner(acdc_tree):
    assert set(run("bcp", acdc_tree, batch_of(acdc_tree, "heart", "unlabelled"))) == {"loss"}


@pytest.mark.parametrize("name", SEMI)
def test_the_ramp_counts_optimiser_steps(acdc_tree, name):
    assert "unsupervised" not in run(name, acdc_tree, batch_of(acdc_tree, "fine", "heart", step=2), start=3)
    assert "unsupervised" in run(name, acdc_tree, batch_of(acdc_tree, "fine", "heart", step=3), start=3)


class _Asked(EmaTeacher):
    """Counts how often it is asked."""

    asked = 0

    def predict(self, *args: Any, **options: Any) -> list[torch.Tensor]:
        self.asked += 1
        return super().predict(*args, **options)


@pytest.mark.parametrize("name", METHODS)
def test_the_methods_said_to_be_without_a_teacher_are_those_that_never_ask_it(acdc_tree, name):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled")
    teacher = _Asked(given.network)
    own = {"network": given.network} if name == "cps" else {}
    build_method(name, acdc_tree, build_loss(acdc_tree), **own)(given._replace(teacher=teacher, step=300))
    assert (teacher.asked == 0) is (name in WITHOUT_TEACHER)


@pytest.mark.parametrize("name", ["mean_teacher", "bcp", "unimatch"])
def test_the_generator_decides_everything_random(acdc_tree, name):
    given = batch_of(acdc_tree, "fine", "fine", "heart", "unlabelled")
    losses = []
    for number in (0, 0, 1):
        torch.manual_seed(len(losses))
        losses.append(run(name, acdc_tree, given._replace(generator=step_generator(5, number)))["loss"].item())
    assert losses[0] == losses[1] != losses[2]


def test_cps_draws_nothing_in_a_step(acdc_tree):
    given = batch_of(acdc_tree, "fine", "heart")
    before = given.generator.get_state()
    first = run("cps", acdc_tree, given)["loss"]
    torch.manual_seed(99)
    assert torch.equal(first, run("cps", acdc_tree, given)["loss"])
    assert torch.equal(given.generator.get_state(), before)


@pytest.mark.parametrize("name", SEMI)
def test_bfloat16_gives_finite_losses_and_gradients(acdc_tree, name):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = run(name, acdc_tree, given, **({"respect_nodes": True} if name != "mean_teacher" else {}))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    losses["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in given.network.parameters())


@pytest.mark.parametrize("name", [*SEMI, "supervised", "label_set", "hierarchical_mix"])
def test_three_steps_on_a_constant_batch_lower_the_supervised_loss(acdc_tree, name):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled")
    step = build_method(name, acdc_tree, build_loss(acdc_tree), **({"network": given.network} if name == "cps" else {}))
    learning = [*given.network.parameters(), *(step.parameters() if name == "cps" else [])]
    optimizer, course = torch.optim.AdamW(learning, lr=0.01), []
    for number in range(4):
        losses = step(given._replace(step=number, generator=step_generator(0, 0)))
        course.append((losses.get("supervised", losses["loss"]) + losses.get("second", 0)).item())
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        given.teacher.update(given.network)
    assert course[3] < course[0] - 0.02
