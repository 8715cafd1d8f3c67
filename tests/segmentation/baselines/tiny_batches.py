"""Batches of small noisy balls and networks small enough to train in a test."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cladeseg.segmentation.engines import StepInput, step_generator
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import build_network
from cladeseg.taxonomy import Taxonomy

SHAPE = (8, 8, 4)


def tiny_net(tree: Taxonomy, **options: Any) -> nn.Module:
    kernels, strides = [[3, 3, 1], [3, 3, 3], [3, 3, 3]], [[1, 1, 1], [2, 2, 1], [2, 2, 2]]
    return build_network(tree, filters=[4, 4, 8], kernels=kernels, strides=strides, **{"seed": 0, **options})


def ball(tree: Taxonomy, seed: int) -> tuple[Tensor, Tensor]:
    """Image (1, *SHAPE) and its leaves (1, *SHAPE): all four leaves of the ACDC tree."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.tensor([3.5, 3.5, 1.5]) + torch.rand(3, generator=generator) - 0.5
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in SHAPE), indexing="ij")) - centre.view(3, 1, 1, 1)
    radius = grid.square().sum(0).sqrt()
    nodes = torch.zeros(SHAPE, dtype=torch.uint8)
    nodes[radius < 3.2] = tree.index("myocardium")
    nodes[radius < 1.8] = tree.index("left_ventricle")
    nodes[(radius < 3.2) & (grid[0] < -1)] = tree.index("right_ventricle")
    image = nodes.float() + 0.2 * torch.randn(SHAPE, generator=generator)
    return image[None], nodes[None]


def batch_of(
    tree: Taxonomy, *supervisions: str, network: nn.Module | None = None, step: int = 0, seed: int = 0
) -> StepInput:
    """One ball for each supervision, its labels collapsed to what that supervision tells."""
    network = tiny_net(tree) if network is None else network
    balls = [ball(tree, i) for i in range(len(supervisions))]
    known = [tree.collapse_table(s)[nodes.long()] for s, (_, nodes) in zip(supervisions, balls, strict=True)]
    return StepInput(
        images=torch.stack([image for image, _ in balls]),
        nodes=(nodes := torch.stack(known).to(torch.uint8)),
        propagated=nodes,
        supervisions=list(supervisions),
        array_axes=torch.arange(3).expand(len(supervisions), 3),
        network=network.train(),
        teacher=EmaTeacher(network),
        step=step,
        generator=step_generator(seed, step),
    )
