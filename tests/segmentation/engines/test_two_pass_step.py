"""Both passes in one trainer: apart in what they learn, together in what is stored."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import SUPERVISIONS, Balls, TinyNet, assert_identical, tiny_net, weights_of
from torch.utils.data import DataLoader

from cladeseg.segmentation.baselines import build_method
from cladeseg.segmentation.data import training_loader
from cladeseg.segmentation.engines import (
    StepInput,
    StepSchedule,
    StopAfter,
    SupervisedStep,
    TrainingState,
    TreeTrainer,
    TwoPassStep,
    parameters_of,
)
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import TwoPassNet
from cladeseg.segmentation.transforms import BatchAugment
from cladeseg.taxonomy import Taxonomy, top_level, top_level_table


class TwoViewsOfBalls(Balls):
    """The balls, and every second voxel of them for the first pass."""

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        sample = super().__getitem__(index)
        table = top_level_table(self.tree).to(torch.uint8)
        return {
            **sample,
            "overview_image": sample["image"][:, ::2, ::2].clone(),
            "overview_nodes": table[sample["nodes"][:, ::2, ::2].long()],
        }


def network_of(tree: Taxonomy) -> TwoPassNet:
    first: TinyNet = tiny_net(top_level(tree))
    return TwoPassNet(first, tiny_net(tree))


def trainer_of(tree: Taxonomy, *, method: str = "supervised", epochs: int = 4, handlers: Any = ()) -> TreeTrainer:
    network = network_of(tree)
    options = {"cps": {"network": network.second, "seed": 1}}.get(method, {})
    step = TwoPassStep(build_method(method, tree, build_loss(tree), **options), build_loss(top_level(tree)))
    optimizer = torch.optim.AdamW([*network.parameters(), *parameters_of(step)], lr=0.05)
    loader: DataLoader[Any] = training_loader(TwoViewsOfBalls(tree), {"fine": 1, "coarse": 1, "unlabelled": 1}, 0)
    return TreeTrainer(
        device="cpu",
        max_epochs=epochs,
        steps_per_epoch=2,
        train_data_loader=loader,
        network=network,
        teacher=EmaTeacher(network, decay=0.9),
        step=step,
        optimizer=optimizer,
        lr_scheduler=StepSchedule(optimizer, warmup_steps=1),
        train_handlers=list(handlers),
    )


def test_both_passes_and_their_averages_learn(acdc_tree: Taxonomy) -> None:
    trainer = trainer_of(acdc_tree)
    before = weights_of(trainer)
    trainer.run()
    assert {name for name, value in weights_of(trainer).items() if torch.equal(value, before[name])} == set()


def test_the_second_pass_learns_as_if_it_were_alone(acdc_tree: Taxonomy) -> None:
    """Neither the first pass's loss nor the length of its gradient touches it."""
    together, alone = trainer_of(acdc_tree), trainer_of(acdc_tree)
    together.max_norm = alone.max_norm = 0.1
    alone.step.loss = _Nothing()  # type: ignore[attr-defined]
    for trainer in (together, alone):
        trainer.run()
    assert_identical(together.network.second.state_dict(), alone.network.second.state_dict())


class _Nothing(torch.nn.Module):
    def forward(self, output: Any, nodes: Any) -> torch.Tensor:
        return 0 * output.leaf.sum()


def test_the_losses_are_named(acdc_tree: Taxonomy) -> None:
    trainer = trainer_of(acdc_tree, epochs=1)
    trainer.run()
    output = trainer.state.output
    assert output["first"] > 0
    assert output["loss"] > output["first"]


@pytest.mark.parametrize("method", ["supervised", "hierarchical_mix", "cps", "mean_teacher", "bcp"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_training_equals_an_uninterrupted_one(
    acdc_tree: Taxonomy, tmp_path: Path, method: str, stop: int
) -> None:
    whole = trainer_of(acdc_tree, method=method)
    whole.run()
    halves = [trainer_of(acdc_tree, method=method) for _ in range(2)]
    state = TrainingState(tmp_path / "last.pt")
    for handler in (state, StopAfter(stop)):
        handler.attach(halves[0])
    halves[0].run()
    assert halves[0].state.epoch == stop
    torch.manual_seed(5)
    state.restore(halves[1])
    halves[1].run()
    assert_identical(weights_of(halves[1]), weights_of(whole))
    assert_identical(copy.deepcopy(halves[1].optimizer.state_dict()), whole.optimizer.state_dict())


def test_what_a_method_has_to_remember_goes_through(acdc_tree: Taxonomy) -> None:
    plain = TwoPassStep(SupervisedStep(build_loss(acdc_tree)), build_loss(top_level(acdc_tree)))
    assert plain.state_dict() == {}
    plain.load_state_dict({})
    assert plain.parameters() == []


class Remember:
    """A step that keeps the batches that it gets."""

    def __init__(self) -> None:
        self.seen: list[StepInput] = []

    def __call__(self, batch: StepInput) -> dict[str, torch.Tensor]:
        self.seen.append(batch)
        return {"loss": 0 * sum(p.sum() for p in batch.network.parameters())}


def test_the_first_view_is_mirrored_along_the_cases_own_axes(acdc_tree: Taxonomy) -> None:
    """Left and right lie along another array axis in each case of the batch, as its ``array_axes`` say."""
    tree = replace(acdc_tree, allowed_flips=("left-right",))
    trainer = trainer_of(tree)
    trainer.overview_augment = BatchAugment(
        top_level(tree), rotate_degrees=(0, 0, 0), scale=(1, 1), translate_voxels=(0, 0, 0), probability=0
    )
    batch = next(iter(trainer.data_loader))
    batch["array_axes"] = torch.tensor([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    seen = set()
    for index in range(12):
        overview = trainer._augmented(trainer._batch(batch, index)).overview
        assert overview is not None
        for case in range(3):
            axis = int(batch["array_axes"][case, 0])
            for part, given in zip(overview, (batch["overview_image"], batch["overview_nodes"]), strict=True):
                mirrored = not torch.allclose(part[case], given[case])
                if mirrored:
                    torch.testing.assert_close(part[case], given[case].flip(axis + 1))
                seen.add((case, mirrored))
    assert seen == {(case, mirrored) for case in range(3) for mirrored in (False, True)}


class Deeper(Remember):
    """Adds 100 to the second pass's images, and labels them with the background; refuses any other network."""

    def prepare(self, batch: StepInput) -> StepInput:
        assert not isinstance(batch.network, TwoPassNet)
        return batch._replace(images=batch.images + 100, propagated=torch.zeros_like(batch.nodes))


def test_a_method_prepares_the_second_pass_and_leaves_the_first_alone(acdc_tree: Taxonomy) -> None:
    method = Deeper()
    trainer = trainer_of(acdc_tree, epochs=1)
    trainer.step = TwoPassStep(method, build_loss(top_level(acdc_tree)))
    plain = trainer._batch(next(iter(trainer.data_loader)), 0)
    trainer.run()
    prepared = method.seen[0]
    torch.testing.assert_close(prepared.images, plain.images + 100)
    assert (prepared.propagated == 0).all()
    assert_identical(prepared.overview, plain.overview)


def test_a_network_of_one_pass_is_refused(acdc_tree: Taxonomy) -> None:
    trainer = trainer_of(acdc_tree)
    trainer.network = tiny_net(acdc_tree)
    with pytest.raises(TypeError, match="TwoPassNet"):
        trainer.step(trainer._batch(next(iter(trainer.data_loader)), 0))


def test_the_kinds_of_supervision_are_all_there() -> None:
    assert set(SUPERVISIONS) == {"fine", "heart", "unlabelled"}
