"""The trainer: one optimiser step per iteration, and a result that depends on (seed, step) alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from ignite.engine import Events
from tiny_training import Balls, assert_identical, tiny_net, tiny_trainer, weights_of
from torch import nn

from cladeseg.segmentation.data import training_loader
from cladeseg.segmentation.engines import StepInput, step_generator
from cladeseg.segmentation.transforms import BatchAugment


class Remember:
    """A step that notes what it gets; its loss is quadratic in every parameter, times ``size``."""

    def __init__(self, size: float = 1.0) -> None:
        self.size = size
        self.seen: list[StepInput] = []

    def __call__(self, batch: StepInput) -> dict[str, torch.Tensor]:
        self.seen.append(batch)
        loss = self.size * sum(((p - 3) ** 2).sum() for p in batch.network.parameters())
        return {"loss": loss, "twice": 2 * loss}


class AddNoise:
    """An augmentation that does nothing but draw from the step's generator."""

    def __call__(
        self, images: torch.Tensor, nodes: torch.Tensor, generator: torch.Generator, array_axes: Any = None
    ) -> Any:
        return images + torch.randn(images.shape, generator=generator), nodes


def trained(tree: Any, **options: Any) -> dict[str, torch.Tensor]:
    trainer = tiny_trainer(tree, **options)
    trainer.run()
    return weights_of(trainer)


# ---- a pure function of (seed, step) ---------------------------------------------------------------------------------


def test_the_generator_of_a_step_is_a_pure_function_of_seed_and_step():
    draws = {
        key: torch.rand(4, generator=step_generator(*key)).tolist() for key in [(0, 0), (0, 1), (1, 0), (7, 2**40)]
    }
    assert len({tuple(values) for values in draws.values()}) == 4
    assert all(torch.rand(4, generator=step_generator(*key)).tolist() == values for key, values in draws.items())


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_two_trainings_of_one_seed_are_equal_bit_for_bit_whatever_the_global_generator(acdc_tree, dropout):
    results = []
    for state in (1, 2):
        torch.manual_seed(state)
        results.append(trained(acdc_tree, network=tiny_net(acdc_tree, dropout=dropout), augment=AddNoise()))
    assert_identical(*results)


def test_training_leaves_the_global_generator_alone(acdc_tree):
    """The loader takes one number for its workers' seeds; steps, dropout included, take none."""
    states = []
    for steps in (1, 3):
        torch.manual_seed(0)
        trained(acdc_tree, steps=steps, network=tiny_net(acdc_tree, dropout=0.5))
        states.append(torch.get_rng_state())
    assert_identical(*states)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_another_seed_is_another_training(acdc_tree, dropout):
    one, other = (
        trained(acdc_tree, seed=seed, network=tiny_net(acdc_tree, dropout=dropout))["student.head.weight"]
        for seed in (0, 1)
    )
    assert not torch.equal(one, other)


def test_dropout_draws_anew_in_each_step(acdc_tree):
    class Drop:
        def __init__(self) -> None:
            self.kept: list[torch.Tensor] = []

        def __call__(self, batch: StepInput) -> dict[str, torch.Tensor]:
            self.kept.append(nn.functional.dropout(torch.ones(64), 0.5))
            return {"loss": sum(p.sum() for p in batch.network.parameters())}

    step = Drop()
    trained(acdc_tree, step=step, epochs=1, steps=2)
    assert not torch.equal(*step.kept)


def test_loader_processes_do_not_change_the_result(acdc_tree):
    assert_identical(trained(acdc_tree, num_workers=0), trained(acdc_tree, num_workers=2))


# ---- what a step gets and does ---------------------------------------------------------------------------------------


def test_steps_are_counted_through_all_epochs_and_batches_hold_their_kinds(acdc_tree):
    step = Remember()
    trainer = tiny_trainer(acdc_tree, epochs=3, steps=2, step=step)
    trainer.run()
    assert [batch.step for batch in step.seen] == list(range(6))
    assert all(list(batch.supervisions) == ["fine", "heart", "unlabelled"] for batch in step.seen)
    assert (trainer.state.epoch, trainer.state.iteration, trainer.teacher.step) == (3, 6, 6)


def test_a_step_gets_the_student_in_training_mode_and_augmented_images(acdc_tree):
    plain, noisy = Remember(), Remember()
    tiny_trainer(acdc_tree, epochs=1, steps=1, step=plain).run()
    tiny_trainer(acdc_tree, epochs=1, steps=1, step=noisy, augment=AddNoise()).run()
    batch = noisy.seen[0]
    assert batch.network.training
    assert not batch.teacher.network.training
    noise = torch.randn(batch.images.shape, generator=step_generator(0, 0))
    torch.testing.assert_close(batch.images, plain.seen[0].images + noise)
    assert_identical(batch.nodes, plain.seen[0].nodes)


class ShiftByTwo:
    """Moves everything by two voxels along the first axis; what comes in is the root."""

    def __init__(self, root: int) -> None:
        self.root = root

    def __call__(self, images, nodes, generator, array_axes):
        moved = nodes.roll(2, 2)
        moved[:, :, :2] = self.root
        return images.roll(2, 2), moved


class MixFirst(Remember):
    """Adds 100 to every image, and labels a corner, before the augmentation."""

    def prepare(self, batch):
        propagated = batch.nodes.clone()
        propagated[:, :, :3, :3] = 1
        return batch._replace(images=batch.images + 100, propagated=propagated)


def test_a_step_prepares_the_batch_before_it_is_augmented(acdc_tree):
    """Host and guest of a mix are turned and mirrored together."""
    step, plain = MixFirst(), Remember()
    tiny_trainer(acdc_tree, epochs=1, steps=1, step=plain, augment=ShiftByTwo(acdc_tree.root)).run()
    tiny_trainer(acdc_tree, epochs=1, steps=1, step=step, augment=ShiftByTwo(acdc_tree.root)).run()
    torch.testing.assert_close(step.seen[0].images, plain.seen[0].images + 100)
    corner = torch.zeros_like(step.seen[0].nodes, dtype=torch.bool)
    corner[:, :, 2:5, :3] = True
    assert (step.seen[0].propagated[corner] == 1).all(), "moved by two voxels, as the image is"
    assert_identical(step.seen[0].propagated[~corner], plain.seen[0].propagated[~corner])
    assert_identical(step.seen[0].nodes, plain.seen[0].nodes)


def test_what_is_no_image_moves_with_the_image(acdc_tree):
    step = Remember()
    trainer = tiny_trainer(acdc_tree, epochs=1, steps=1, step=step, augment=ShiftByTwo(acdc_tree.root))
    batch = next(iter(trainer.data_loader))
    outside = torch.zeros_like(batch["nodes"])
    outside[:, :, 5:] = acdc_tree.root
    trainer.state.iteration = 1
    trainer._iteration(trainer, {**batch, "outside": outside})
    valid = step.seen[0].valid
    assert valid[:, :, 2:7].all()
    assert not valid[:, :, :2].any()
    assert not valid[:, :, 7:].any()


@pytest.mark.parametrize(
    "shape",
    [{"rotate_degrees": (0, 0, 40)}, {"scale": (0.6, 1.4)}, {"translate_voxels": (3, 2, 1)}, {"flips": ["left-right"]}],
    ids=["rotation", "scale", "translation", "flip"],
)
def test_the_field_of_view_follows_every_change_of_shape(acdc_tree, shape):
    """The image is 1 where it is valid: afterwards it still is, and what came in from beyond the border is not."""
    tree = dataclasses.replace(acdc_tree, allowed_flips=("left-right",))
    still = {"rotate_degrees": (0, 0, 0), "scale": (1, 1), "translate_voxels": (0, 0, 0), "flips": [], "probability": 0}
    step = Remember()
    trainer = tiny_trainer(tree, epochs=1, steps=1, step=step, augment=BatchAugment(tree, **{**still, **shape}))
    batch = next(iter(trainer.data_loader))
    outside = torch.zeros_like(batch["nodes"])
    outside[:, :, :3] = tree.root
    trainer.state.iteration = 1
    trainer._iteration(trainer, {**batch, "image": (outside == 0).float(), "nodes": outside, "outside": outside})
    seen = step.seen[0]
    assert torch.equal(seen.valid, seen.nodes == 0), "as a node map that has the root outside"
    assert (seen.images[seen.valid] >= 0.5).all()
    assert not torch.equal(seen.valid, outside == 0)
    assert seen.valid.any()


def test_the_student_is_back_in_training_mode_after_somebody_evaluated_it(acdc_tree):
    step, network = Remember(), tiny_net(acdc_tree).eval()
    tiny_trainer(acdc_tree, step=step, network=network).run()
    assert all(batch.network.training for batch in step.seen)


def test_the_teacher_follows_the_student(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=1, steps=1)
    before = weights_of(trainer)["teacher.head.weight"]
    trainer.run()
    after = weights_of(trainer)
    # First update of a warm-up: d = 1/10.
    torch.testing.assert_close(after["teacher.head.weight"], before + 0.9 * (after["student.head.weight"] - before))


def test_losses_are_handed_on_without_their_graph(acdc_tree):
    trainer = tiny_trainer(acdc_tree, step=Remember(), epochs=1, steps=1)
    trainer.run()
    assert set(trainer.state.output) == {"loss", "twice"}
    assert not any(loss.requires_grad for loss in trainer.state.output.values())


def test_gradients_do_not_add_up_over_steps_and_are_clipped(acdc_tree):
    network = tiny_net(acdc_tree)
    trainer = tiny_trainer(acdc_tree, step=Remember(size=1e6), network=network, epochs=1, steps=3, max_norm=0.5)
    trainer.run()
    norm = torch.stack([p.grad.norm() for p in network.parameters()]).norm()
    assert norm == pytest.approx(0.5, rel=1e-3)
    small = tiny_trainer(acdc_tree, step=Remember(size=1e-3), network=tiny_net(acdc_tree), epochs=1, steps=3)
    before = [p.detach().clone() for p in small.network.parameters()]
    small.run()
    for p, start in zip(small.network.parameters(), before, strict=True):
        assert (p.grad.abs() <= 2e-3 * (start - 3).abs() + 1e-6).all()


def test_the_course_of_the_learning_rate_spans_the_trainers_own_epochs(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=2, steps=2, step=Remember())
    trainer.state.max_epochs = 3  # as MONAI Label does
    trainer.run()
    assert trainer.lr_scheduler.total_steps == 6
    assert trainer.state.iteration == 6
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0)


def test_it_trains_without_a_schedule(acdc_tree):
    trainer = tiny_trainer(acdc_tree, step=Remember())
    trainer.lr_scheduler = None
    trainer.run()
    assert trainer.optimizer.param_groups[0]["lr"] == 0.05


def test_bfloat16_is_used_on_the_cpu_and_weights_stay_single(acdc_tree):
    class Look(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = tiny_net(acdc_tree)
            self.seen: set[torch.dtype] = set()

        def forward(self, image: torch.Tensor) -> Any:
            self.seen.add(self.inner.body(image).dtype)
            return self.inner.train(self.training)(image)

    network = Look()
    trainer = tiny_trainer(acdc_tree, network=network, amp=True)
    trainer.run()
    assert network.seen == {torch.bfloat16}
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert all(p.isfinite().all() for p in network.parameters())
    assert all(loss.isfinite() for loss in trainer.state.output.values())


def test_training_learns(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=8, steps=5)
    losses = []
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: losses.append(engine.state.epoch_losses["loss"]))
    trainer.run()
    assert losses[-1] < 0.6 * losses[0]


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "name"), [("epochs", "epochs"), ("steps", "steps_per_epoch")])
@pytest.mark.parametrize("value", [0, -1, True, 2.5, "3", None])
def test_a_number_of_steps_that_is_none_is_refused_by_name(acdc_tree, option, name, value):
    with pytest.raises(ValueError, match=rf"^{name} is {value!r}"):
        tiny_trainer(acdc_tree, **{option: value})


# ---- a batch in parts ------------------------------------------------------------------------------------------------


class MeanLoss:
    """A loss that is a mean over cases, whose gradient is that of the parts' mean."""

    def __init__(self) -> None:
        self.cases: list[int] = []

    def __call__(self, batch: StepInput) -> dict[str, torch.Tensor]:
        self.cases.append(len(batch.images))
        weights = torch.cat([p.flatten() for p in batch.network.parameters()])
        return {"loss": ((weights[:, None] - batch.images.mean(dim=(1, 2, 3, 4))) ** 2).mean()}


def test_parts_of_a_batch_give_the_step_of_the_whole_batch(acdc_tree):
    loader = training_loader(Balls(acdc_tree), {"fine": 2, "coarse": 2}, 0)
    found = {}
    for parts in (1, 2):
        step = MeanLoss()
        trainer = tiny_trainer(acdc_tree, step=step, parts=parts, epochs=1)
        trainer.set_data(loader)
        trainer.run()
        assert step.cases == [4 // parts] * (2 * parts)
        found[parts] = weights_of(trainer), float(trainer.state.output["loss"])
    for name, whole in found[1][0].items():
        torch.testing.assert_close(found[2][0][name], whole, atol=1e-5, rtol=1e-5)
    assert found[2][1] == pytest.approx(found[1][1], rel=1e-5)
