"""The command line: each command calls one thing that the package offers."""

from cladeseg.cli import bundles, data, predict, studies
from cladeseg.cli.base import app

__all__ = ["app", "bundles", "data", "predict", "studies"]
