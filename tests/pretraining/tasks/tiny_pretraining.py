"""A batch of views and a network that are quick to compute with."""

from __future__ import annotations

from typing import Any

import torch

from cladeseg.pretraining.tasks import PretrainingNet, Seen, build_pretraining_net
from cladeseg.pretraining.views import MakeViews, Views

NETWORK: dict[str, Any] = {
    "in_channels": 2,
    "backbone": "dynunet",
    "filters": [4, 8, 8],
    "kernels": [3, 3, 3],
    "strides": [1, 2, 2],
    "dropout": None,
}
SIZE, REGION = (8, 8, 8), (10, 10, 10)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(cases: int = 3, channels: int = 2) -> torch.Tensor:
    return torch.randn(cases, channels, *REGION, generator=generator())


def views_of(batch: torch.Tensor, nodes: torch.Tensor | None = None, *, seed: int = 0, **options: Any) -> Views:
    if nodes is None:
        nodes = torch.zeros(len(batch), 1, *batch.shape[2:], dtype=torch.uint8)
    maker = MakeViews(size=SIZE, **{"points": 6, "block": (4, 4, 4), **options})
    return maker(batch, nodes, generator(seed))


def network(**options: Any) -> PretrainingNet:
    return build_pretraining_net(NETWORK, **{"projected": 8, **options})


def seen_by(views: Views, net: PretrainingNet) -> Seen:
    features = net(views.inputs.flatten(0, 1)).unflatten(0, views.inputs.shape[:2])
    return Seen(views, features, net, net)
