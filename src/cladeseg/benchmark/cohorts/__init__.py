"""Whether large cohorts can be trusted to the commands: killed workers, and memory and time as the cases grow."""

from cladeseg.benchmark.cohorts.growth import SIZES, growth_study, growth_table
from cladeseg.benchmark.cohorts.growth_figure import growth_figure
from cladeseg.benchmark.cohorts.kills import kill_study, kill_table

__all__ = ["SIZES", "growth_figure", "growth_study", "growth_table", "kill_study", "kill_table"]
