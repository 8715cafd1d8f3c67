"""Time and memory of NT-Xent and of MONAI's ContrastiveLoss: ``python tests/pretraining/losses/measure_cost.py``.

Each is measured in a process of its own, forward and backward, F = 128 and one thread; memory is the peak resident set
above that before the loss.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import torch
from monai.losses import ContrastiveLoss

from cladeseg.pretraining.losses import NTXentLoss

FEATURES = 128


def measure(name: str, cases: int) -> tuple[float, float, float]:
    """Seconds, MB and value of one call with backward."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(cases, FEATURES, generator=generator).requires_grad_() for _ in range(2))
    loss = {"ours": NTXentLoss(0.5), "monai": ContrastiveLoss(0.5)}[name]
    loss(one[:4], other[:4]).backward()  # what is loaded at the first call is nobody's cost
    before, begin = _peak_mb(), time.perf_counter()
    value = loss(one, other)
    value.backward()
    return time.perf_counter() - begin, _peak_mb() - before, value.item()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a table, or measure what the arguments name."""
    if len(sys.argv) == 3:
        sys.stdout.write(" ".join(map(str, measure(sys.argv[1], int(sys.argv[2])))))
        return
    found = {}
    sys.stdout.write("| loss | B | seconds | MB | value |\n|---|---|---|---|---|\n")
    for name, cases in (("monai", 1024), ("ours", 1024), ("ours", 8192)):
        done = subprocess.run([sys.executable, __file__, name, str(cases)], capture_output=True, check=True, text=True)
        seconds, megabytes, value = found[name, cases] = [float(part) for part in done.stdout.split()]
        sys.stdout.write(f"| {name} | {cases} | {seconds:.2f} | {megabytes:.0f} | {value:.6f} |\n")
    ratios = [a / max(b, 1e-3) for a, b in zip(found["monai", 1024], found["ours", 1024], strict=True)]
    sys.stdout.write(f"\nMONAI's at B = 1024: {ratios[0]:.0f} times the time, {ratios[1]:.0f} times the memory.\n")


if __name__ == "__main__":
    main()
