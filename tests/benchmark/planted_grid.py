"""Runs that workers import: each trains and scores in a blink, or fails and dies as its draw says."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from cladeseg.benchmark import run_work
from cladeseg.benchmark.run_work import RunWork
from cladeseg.benchmark.runs import RunKey
from cladeseg.bundle.bundle_run import BundleRun

#: Leaves behind what a training, or an evaluation of its test or validation part, does.
PRETENDER = """
import json, pathlib, sys
stage, run, split = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
with open(run / "calls.txt", "a") as file:
    file.write(stage + " " + split + "\\n")
cases = {"test": ["a1", "b1"], "validation": ["c1"]}
if stage == "training":
    (run / "models").mkdir(parents=True)
    lists = {part: [{"case": c, "patient": c[0], "supervision": "fine", "image": "i", "label": "l"} for c in names]
             for part, names in {**cases, "training": []}.items()}
    (run / "datalist.json").write_text(json.dumps({"format": 1, **lists}))
    (run / "models" / "model.json").write_text("{}")
else:
    (run / "eval").mkdir()
    rows = [f"{c},{leaf},{m},0.5,ok" for c in cases[split] for leaf in ("anterior", "posterior")
            for m in ("dice", "iou", "hd95_mm")]
    (run / "eval" / "metrics.csv").write_text("\\n".join(["case,node,metric,value,status", *rows]) + "\\n")
    nodes = dict.fromkeys(("anterior", "posterior"), {"hd95_mm": {"mean": 2.5}})
    summary = {"nodes": nodes, "mean_leaf": {"dice": 0.5, "iou": 0.25}, "cases": len(cases[split]), "patients": 2}
    (run / "eval" / "metrics.json").write_text(json.dumps(summary))
"""
FAILS, DIES = 1, 2


def pretend(run: BundleRun, stage: str) -> list[str]:
    split = str(run.of_stage["evaluating"]["split"])
    return [sys.executable, "-S", "-c", PRETENDER, stage, str(run.folder.root), split]


class PretendedRun(BundleRun):
    """A run whose commands pretend."""

    def command(self, stage: str) -> list[str]:
        return pretend(self, stage)


@dataclass(frozen=True)
class PlantedWork(RunWork):
    """The real work with pretended commands; a worker dies at the first attempt of draw 2, and draw 1 always fails."""

    def run_of(self, key: RunKey) -> BundleRun:
        run = super().run_of(key)
        run.__class__ = PretendedRun
        return run

    def __call__(self, key: RunKey) -> None:
        run_work._PAUSE_S = 0.02
        died = Path(self.output) / f"died_{key.name}"
        if key.draw == DIES and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if key.draw == FAILS:
            raise ValueError("planted: it never works")
        super().__call__(key)
