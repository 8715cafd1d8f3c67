"""Processes that train together, as ``torchrun`` starts them: joining, sharing numbers, and naming one that died."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cladeseg.bundle.lost_rank import Roll
from cladeseg.files import DataError

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: The overlay that a command of several processes needs.
OVERLAY = "configs/multi_gpu_train.json"
_JOINED: list[Roll] = []


@dataclass(frozen=True)
class Ranks:
    """One of several processes that train together.

    Attributes:
        index: of this process, from 0; the first one writes the files.
        count: of all processes.
    """

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.index == 0

    def part(self, number: int) -> range:
        """This process's places among ``number`` things that are dealt out in turn.

        Example:
            >>> list(Ranks(1, 2).part(5))
            [1, 3]
        """
        return range(self.index, number, self.count)


#: A process that trains by itself.
ALONE = Ranks()


def ranks() -> Ranks:
    """Which of the processes this one is; the only one if none were joined."""
    return Ranks(dist.get_rank(), dist.get_world_size()) if _JOINED else ALONE


def join_ranks() -> None:
    """Meet the other processes that ``torchrun`` started; the first step of a bundle's ``initialize``.

    Raises:
        DataError: ``torchrun`` did not start this process, or its machine has fewer graphics cards than processes.
    """
    if "WORLD_SIZE" not in os.environ:
        raise DataError(f"{OVERLAY}: is for several processes; start them with torchrun, or leave the overlay out")
    if torch.cuda.is_available():
        torch.cuda.set_device(_local_card())
    store, index, count = next(dist.rendezvous("env://"))
    # gloo for what lies on the CPU, whatever the network is trained on.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=index, world_size=count)
    _JOINED.append(Roll(dist.PrefixStore("cladeseg", store), index, count))
    signal.signal(signal.SIGTERM, _end)
    if index:  # the first process speaks for all
        logging.getLogger("cladeseg").setLevel(logging.WARNING)
    wait_for_all()


def leave_ranks() -> None:
    """Part from the other processes once all have come to this point."""
    if _JOINED:
        wait_for_all()
        dist.destroy_process_group()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _JOINED.clear()


def check_joined() -> None:
    """Refuse to train the same thing several times side by side.

    Raises:
        DataError: ``torchrun`` started several processes, and the overlay that joins them is missing.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1" and not _JOINED:
        raise DataError(f"torchrun started {count} processes, and nothing joins them; add the overlay {OVERLAY}")


def first_to_say() -> bool:
    """Whether an error's message is this process's to show: of several that fail together, one speaks."""
    return not _JOINED or _JOINED[0].first_to_say()


def wait_for_all() -> None:
    """Return once all processes have come to this point."""
    if _JOINED:
        _together(dist.barrier)


def gathered(value: T) -> list[T]:
    """Each process's value, in the order of the processes.

    Args:
        value: of this process; anything that can be pickled.  It travels between processes and is never stored.
    """
    if not _JOINED:
        return [value]
    values: list[Any] = [None] * ranks().count
    _together(lambda: dist.all_gather_object(values, value))
    return values


def mean_over_ranks(values: Tensor) -> Tensor:
    """Mean of a tensor over the processes, without gradient."""
    if not _JOINED:
        return values
    total = values.detach().clone()
    _together(lambda: dist.all_reduce(total))
    return total / ranks().count


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes, in one message.

    Args:
        parameters: the same ones in all processes; those without a gradient stay so.
    """
    if not _JOINED:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    means = mean_over_ranks(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, mean in zip(gradients, means.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


def _local_card() -> int:
    card, cards = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if card >= cards:
        raise DataError(f"torchrun: --nproc_per_node is more than this machine's {cards} graphics cards")
    return card


def _together(meet: Callable[[], Any]) -> None:
    """Meet the other processes; one that does not come ends this one, too."""
    try:
        meet()
    except RuntimeError as error:
        raise _JOINED[0].lost() from error


def _end(number: int, frame: object) -> None:
    """``torchrun`` ends the others when one has died, and may be quicker than the news of its death."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _JOINED[0].lost()
