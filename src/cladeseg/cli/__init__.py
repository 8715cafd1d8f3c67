"""The command line: each command calls one thing that the package offers."""

# isort: off  (the order is that of the commands on the first help page)
from cladeseg.cli import bundles, data, predict, settings, studies, train

# isort: on
from cladeseg.cli.base import app

__all__ = ["app", "bundles", "data", "predict", "settings", "studies", "train"]
