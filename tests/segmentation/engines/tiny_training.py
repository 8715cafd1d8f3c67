"""A whole training on made-up balls: real trainer, sampler, step and teacher, a network of two convolutions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from monai.engines import SupervisedEvaluator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cladeseg.segmentation.data import training_loader
from cladeseg.segmentation.engines import EpochLosses, NodeDice, StepSchedule, TreeTrainer, build_step
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import TreeOutput
from cladeseg.taxonomy import Taxonomy

SIZE = (8, 8, 4)
SUPERVISIONS = ("fine", "fine", "heart", "heart", "unlabelled")


class TinyNet(nn.Module):
    """Two convolutions, optionally with dropout, that answer as every network of ours does."""

    def __init__(self, tree: Taxonomy, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Conv3d(1, 6, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv3d(6, tree.num_leaves, 1)

    def forward(self, image: Tensor) -> TreeOutput | Tensor:
        leaf = self.head(self.dropout(self.body(image).relu())).log_softmax(dim=1)
        return TreeOutput(leaf) if self.training else leaf


class Balls(Dataset):
    """Noisy nested balls; sample (i, seed) is a pure function of both, as a cached case with its patch is."""

    def __init__(self, tree: Taxonomy) -> None:
        self.tree = tree
        self.data = [{"case": f"case{i}", "supervision": name} for i, name in enumerate(SUPERVISIONS)]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        rng = np.random.default_rng(index)
        nodes = balls(self.tree, centre=rng.uniform(3, 4.5, 3) * (1, 1, 0.5))
        known = self.tree.collapse_table(SUPERVISIONS[index[0]])[nodes].to(torch.uint8)
        image = nodes.float() + torch.from_numpy(rng.normal(0, 0.2, nodes.shape)).float()
        axes = torch.arange(3)
        return {"image": image[None], "nodes": known[None], "array_axes": axes, **self.data[index[0]]}


def balls(tree: Taxonomy, centre: Any = (3.5, 3.5, 1.5)) -> Tensor:
    """Node map (8, 8, 4) with every leaf of the ACDC tree."""
    grid = np.indices(SIZE) - np.reshape(centre, (3, 1, 1, 1))
    radius = np.sqrt((grid**2).sum(axis=0))
    nodes = np.zeros(SIZE, dtype=np.int64)
    nodes[radius < 3.2] = tree.index("myocardium")
    nodes[radius < 1.8] = tree.index("left_ventricle")
    nodes[(radius < 3.2) & (grid[0] < -1)] = tree.index("right_ventricle")
    return torch.from_numpy(nodes)


def tiny_net(tree: Taxonomy, **options: Any) -> TinyNet:
    """The same weights at every call, whatever the global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return TinyNet(tree, **options)


def tiny_loader(tree: Taxonomy, *, seed: int = 0, num_workers: int = 0) -> DataLoader[Any]:
    return training_loader(Balls(tree), {"fine": 1, "coarse": 1, "unlabelled": 1}, seed, num_workers=num_workers)


def tiny_trainer(
    tree: Taxonomy,
    *,
    epochs: int = 2,
    steps: int = 2,
    seed: int = 0,
    num_workers: int = 0,
    network: nn.Module | None = None,
    step: Any = None,
    handlers: Any = (),
    schedule: str = "poly",
    **options: Any,
) -> TreeTrainer:
    network = tiny_net(tree) if network is None else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.05)
    return TreeTrainer(
        device="cpu",
        max_epochs=epochs,
        steps_per_epoch=steps,
        train_data_loader=tiny_loader(tree, seed=seed, num_workers=num_workers),
        network=network,
        teacher=EmaTeacher(network, decay=0.9),
        step=step or build_step(tree, build_loss(tree), ramp=0, threshold=0.3),
        optimizer=optimizer,
        lr_scheduler=StepSchedule(optimizer, shape=schedule, warmup_steps=1),
        seed=seed,
        train_handlers=[EpochLosses(), *handlers],
        **options,
    )


def tiny_evaluator(tree: Taxonomy, network: nn.Module, *, cases: tuple[int, ...] = (0, 2)) -> SupervisedEvaluator:
    """Validation on whole balls."""
    return SupervisedEvaluator(
        device="cpu",
        val_data_loader=DataLoader([Balls(tree)[i, 99] for i in cases], batch_size=1),
        network=network,
        val_handlers=[NodeDice(tree)],
    )


def weights_of(trainer: TreeTrainer) -> dict[str, Tensor]:
    """Student and teacher, copied."""
    networks = {"student": trainer.network, "teacher": trainer.teacher.network}
    return {
        f"{who}.{name}": copy.deepcopy(value)
        for who, net in networks.items()
        for name, value in net.state_dict().items()
    }


def assert_identical(one: Any, other: Any) -> None:
    """Equal bit for bit, through any nesting."""
    torch.testing.assert_close(one, other, rtol=0, atol=0)
