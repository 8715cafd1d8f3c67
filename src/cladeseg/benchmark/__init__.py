"""The evidence: label efficiency of every method on equal terms, as runs that are never computed twice."""

from cladeseg.benchmark.benchmark import run_benchmark
from cladeseg.benchmark.grid import Grid, GridMethod, read_grid

__all__ = ["Grid", "GridMethod", "read_grid", "run_benchmark"]
