"""Ratios of times within one run: training steps, the loader, inference and contrastive losses."""

from cladeseg.benchmark.speed.report import SPEEDS, speed, speed_tables

__all__ = ["SPEEDS", "speed", "speed_tables"]
