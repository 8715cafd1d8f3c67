"""Time and memory of NT-Xent and of MONAI's ContrastiveLoss, each call in a process of its own, one thread."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cladeseg.benchmark.speed.turns import spread, with_range

#: Numbers a view; what the losses are compared at.
FEATURES = 128
OURS, PEER = "NT-Xent", "MONAI's ContrastiveLoss"
#: The peer's memory grows with the square of the batch: gigabytes at 1024.
COMPARED, LARGE = 1024, 8192
_TEMPERATURE = 0.5


def contrast_speed(*, compared: int = COMPARED, large: int = LARGE, rounds: int = 3) -> dict[str, Any]:
    """Calls forward and backward of both at the same batch, and of ours at a large one, by turns.

    Args:
        compared: B of the comparison; there are 2B views.
        large: B of ours alone.
        rounds: calls of each.

    Returns:
        ``rows`` with ``loss``, ``batch``, ``value``, and of ``seconds`` and ``mb`` (peak resident memory over that
        before the call) the :func:`~cladeseg.benchmark.speed.turns.spread`; ``time_ratio`` of the peer to ours in the
        same round, and ``memory_ratio``, likewise.
    """
    asked = ((PEER, compared), (OURS, compared), (OURS, large))
    turns = [[_in_own_process(loss, batch) for loss, batch in asked] for _ in range(rounds)]
    return {
        "features": FEATURES,
        "rows": [_row(calls) for calls in zip(*turns, strict=True)],
        "time_ratio": spread([peer["seconds"] / ours["seconds"] for peer, ours, _ in turns]),
        "memory_ratio": spread([peer["mb"] / max(ours["mb"], 1.0) for peer, ours, _ in turns]),
    }


def _row(calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Calls of one loss with one batch."""
    seconds, mb = ([call[name] for call in calls] for name in ("seconds", "mb"))
    value = statistics.median(call["value"] for call in calls)
    return {**calls[0], "value": value, "seconds": spread(seconds), "mb": spread(mb)}


def _in_own_process(loss: str, batch: int) -> dict[str, Any]:
    call = [sys.executable, "-m", __name__, loss, str(batch)]
    done = subprocess.run(call, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(name: str, batch: int) -> dict[str, Any]:
    """One row of :func:`contrast_speed`, in this process."""
    import torch
    from monai.losses import ContrastiveLoss

    from cladeseg.pretraining.losses import NTXentLoss

    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    one, other = (torch.randn(batch, FEATURES, generator=draw).requires_grad_() for _ in range(2))
    loss = {OURS: NTXentLoss, PEER: ContrastiveLoss}[name](_TEMPERATURE)
    loss(one[:4], other[:4]).backward()  # what is loaded at the first call is nobody's cost
    before, begin = _peak_mb(), time.perf_counter()
    value = loss(one, other)
    value.backward()
    seconds = time.perf_counter() - begin
    return {"loss": name, "batch": batch, "seconds": seconds, "mb": _peak_mb() - before, "value": value.item()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def contrast_table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table with the ratios below."""
    lines = [f"| loss, F = {result['features']} | B | s (range) | MB (range) | value |", "|---|---|---|---|---|"]
    for row in result["rows"]:
        seconds, mb = _shown(row["seconds"]), _shown(row["mb"], digits=0)
        lines.append(f"| {row['loss']} | {row['batch']} | {seconds} | {mb} | {row['value']:.6f} |")
    time_ratio, memory_ratio = (result[name]["median"] for name in ("time_ratio", "memory_ratio"))
    return "\n".join(
        [*lines, "", f"{PEER} takes {time_ratio:.0f} times the time and {memory_ratio:.0f} times the memory."]
    )


def _shown(found: Mapping[str, Any], digits: int = 2) -> str:
    return with_range(found["median"], found["range"], digits)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
