"""What the omics bundle's configs call: settings, training, evaluation, inference."""

from cladeseg.omics.workflow.evaluation import run_evaluation
from cladeseg.omics.workflow.plan import OmicsPlan, check_omics_overrides
from cladeseg.omics.workflow.running import run_inference, run_training
from cladeseg.omics.workflow.settings import OmicsSettings

__all__ = [
    "OmicsPlan",
    "OmicsSettings",
    "check_omics_overrides",
    "run_evaluation",
    "run_inference",
    "run_training",
]
