"""Time and memory of NT-Xent and of MONAI's ContrastiveLoss, each in a process of its own, one thread."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

#: Numbers a view; what the losses are compared at.
FEATURES = 128
OURS, PEER = "NT-Xent", "MONAI's ContrastiveLoss"
#: The peer's memory grows with the square of the batch: gigabytes at 1024.
COMPARED, LARGE = 1024, 8192
_TEMPERATURE = 0.5


def contrast_speed(*, compared: int = COMPARED, large: int = LARGE) -> dict[str, Any]:
    """One call forward and backward of both at the same batch, and of ours at a large one.

    Args:
        compared: B of the comparison; there are 2B views.
        large: B of ours alone.

    Returns:
        ``rows`` with ``loss``, ``batch``, ``seconds``, ``mb`` (peak resident memory over that before the call) and
        ``value``; ``time_ratio`` and ``memory_ratio`` of the peer to ours.
    """
    rows = [_in_own_process(loss, batch) for loss, batch in ((PEER, compared), (OURS, compared), (OURS, large))]
    peer, ours = rows[:2]
    return {
        "features": FEATURES,
        "rows": rows,
        "time_ratio": peer["seconds"] / ours["seconds"],
        "memory_ratio": peer["mb"] / max(ours["mb"], 1.0),
    }


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


def contrast_table(result: dict[str, Any]) -> str:
    """The result as a Markdown table with the ratios below."""
    lines = [f"| loss, F = {result['features']} | B | s | MB | value |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['loss']} | {row['batch']} | {row['seconds']:.2f} | {row['mb']:.0f} | {row['value']:.6f} |"
        for row in result["rows"]
    ]
    time_ratio, memory_ratio = result["time_ratio"], result["memory_ratio"]
    return "\n".join(
        [*lines, "", f"{PEER} takes {time_ratio:.0f} times the time and {memory_ratio:.0f} times the memory."]
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
