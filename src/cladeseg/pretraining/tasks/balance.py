"""How the gradients of several tasks become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

#: Ways to balance, by name.
BALANCES = ("sum", "pcgrad")


def summed(losses: Mapping[str, Tensor]) -> Tensor:
    """The plain sum."""
    return torch.stack(list(losses.values())).sum()


def projected_gradients(gradients: Sequence[Tensor], order: Sequence[Sequence[int]]) -> Tensor:
    """PCGrad (Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, arXiv 2001.06782, algorithm 1).

    Where the gradient of a task points against another one's, its part along that one is taken away.

    Args:
        gradients: of each task, of one shape.
        order: for each task the order in which the others are looked at.

    Returns:
        The sum of what is left of each.

    Example:
        >>> one, other = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
        >>> projected_gradients([one, other], [[1], [0]]).tolist()  # (1/2, 1/2) + (0, 1)
        [0.5, 1.5]
    """
    left = []
    for task, others in enumerate(order):
        own = gradients[task]
        for other in others:
            against = (own * gradients[other]).sum().clamp(max=0)
            own = own - against / gradients[other].square().sum().clamp(min=1e-12) * gradients[other]
        left.append(own)
    return torch.stack(left).sum(dim=0)


def surgery(losses: Mapping[str, Tensor], shared: Tensor, features: Tensor, generator: torch.Generator) -> Tensor:
    """A scalar whose gradient is each head's own, and PCGrad's for what lies below the shared features.

    Surgery is done on the gradients of the features, as Sener and Koltun (NeurIPS 2018, arXiv 1810.04650) do for their
    method: one backward pass through the backbone, whatever the number of tasks.

    Args:
        losses: of the tasks, computed from ``shared``.
        shared: a leaf with the values of ``features``.
        features: what the backbone gave.
        generator: CPU generator that draws the order of the tasks.

    Returns:
        A scalar with the value of the plain sum.
    """
    values = list(losses.values())
    gradients = [
        torch.zeros_like(shared) if grad is None else grad
        for value in values
        for grad in torch.autograd.grad(value, shared, retain_graph=True, allow_unused=True)
    ]
    order = [
        [other for other in torch.randperm(len(values), generator=generator).tolist() if other != task]
        for task in range(len(values))
    ]
    pull = (features * projected_gradients(gradients, order).detach()).sum()
    return summed(losses) + pull - pull.detach()
