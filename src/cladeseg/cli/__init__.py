"""The command line: each command calls one thing that the package offers."""

# The order is that of the commands on the first help page.
# isort: off
from cladeseg.cli import train, predict, settings, bundles, export, data, studies, speed, cohorts

# isort: on
from cladeseg.cli.base import app

__all__ = ["app", "bundles", "cohorts", "data", "export", "predict", "settings", "speed", "studies", "train"]
