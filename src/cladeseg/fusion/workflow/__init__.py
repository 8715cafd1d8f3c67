"""What the fusion bundle's configs call: settings, training, evaluation, inference."""

from cladeseg.fusion.workflow.evaluation import run_evaluation
from cladeseg.fusion.workflow.plan import FusionPlan, check_fusion_overrides
from cladeseg.fusion.workflow.running import run_inference, run_training
from cladeseg.fusion.workflow.settings import FusionSettings

__all__ = [
    "FusionPlan",
    "FusionSettings",
    "check_fusion_overrides",
    "run_evaluation",
    "run_inference",
    "run_training",
]
