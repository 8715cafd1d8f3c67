"""Records as commands write them, with figures that are easy to follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cladeseg.files import write_json

MADE = {
    "command": "cladeseg benchmark speed --step",
    "date": "2026-11-27",
    "hardware": "Linux-6.1, x86_64 Some Processor, 2 cores, 16 GiB memory",
    "threads": 1,
    "load": 0.1,
    "versions": {"torch": "2.9.0", "monai": "1.6.1"},
    "commit": "abcdef1",
}


def ratio_row(seconds: float, ratio: float) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "seconds_range": [seconds, 2 * seconds],
        "ratio": ratio,
        "ratio_range": [ratio, ratio + 1],
    }


def profile(ratio: float, dice: float, rise_mb: float, other_share: float = 0.25) -> dict[str, Any]:
    return {**ratio_row(8 * ratio, ratio), "dice": dice, "rise_mb": rise_mb, "parts": {}, "other_share": other_share}


def grown(*seconds: float, mb: float = 500.0) -> dict[str, Any]:
    """Of 10, 100, 1,000 and 10,000 cases."""
    return {str(10 ** (i + 1)): {"cpu_seconds": each, "peak_mb": mb} for i, each in enumerate(seconds)}


STEP = {
    "batch": 4,
    "patch_size": [16, 16, 16],
    "methods": {"supervised": ratio_row(1, 1), "mixed in place": ratio_row(1.2, 1.2)},
}
INFERENCE = {
    "weights": "R/models/model.pt",
    "passes": 2,
    "cases": ["a", "b"],
    "methods": {"monai": profile(1, 0.9, 200), "fast": profile(0.25, 0.897, 150), "best": profile(1, 0.91, 200, 0.4)},
}
KILLS = {
    "cases": 200,
    "workers": 2,
    "seconds": 9.0,
    "rounds": [{"killed_after": 9, "seconds": 30.0, "lost": 0, "twice": 0, "equal": True}] * 20,
}
#: 150 ms a further case, however many there are.
GROWTH = {"predict": grown(1.5, 15, 150, 1500)}


def write_records(folder: Path) -> None:
    """A step, an inference, kills and a growth with its picture."""
    of_acdc = {**MADE, "bundle": "acdc_subclass_segmentation", "dataset": "ACDC"}
    write_json({**of_acdc, "step": STEP}, folder / "step_acdc.json")
    write_json({**of_acdc, "inference": INFERENCE}, folder / "inference_acdc.json")
    write_json({**MADE, "kills": KILLS}, folder / "kills.json")
    write_json({**MADE, "growth": GROWTH}, folder / "growth.json")
    (folder / "growth.webp").write_bytes(b"a picture")
