"""Simple and published methods that are always printed beside ours."""

from cladeseg.omics.baselines.baseline import BASELINES, TrainingRows, run_baseline

__all__ = ["BASELINES", "TrainingRows", "run_baseline"]
