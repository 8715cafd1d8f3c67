"""What images and expression tell of one another, in figures."""

from cladeseg.fusion.study.spot_study import run_spot_study

__all__ = ["run_spot_study"]
