"""What the bundle's configs call: settings, training, evaluation, features."""

from cladeseg.pretraining.workflow.encoder import ENCODER, find_encoder, store_encoder
from cladeseg.pretraining.workflow.evaluation import run_pretraining_evaluation
from cladeseg.pretraining.workflow.features import encoder_network, encoder_or_untrained, run_features, trained_encoder
from cladeseg.pretraining.workflow.plan import PretrainingPlan, check_pretraining_overrides, pretraining_cases
from cladeseg.pretraining.workflow.settings import PretrainingSettings, pretraining_settings_page
from cladeseg.pretraining.workflow.training import run_pretraining, start_pretraining
from cladeseg.pretraining.workflow.workflow import (
    PretrainingWorkflow,
    pretraining_dataset,
    pretraining_network,
)

__all__ = [
    "ENCODER",
    "PretrainingPlan",
    "PretrainingSettings",
    "PretrainingWorkflow",
    "check_pretraining_overrides",
    "encoder_network",
    "encoder_or_untrained",
    "find_encoder",
    "pretraining_cases",
    "pretraining_dataset",
    "pretraining_network",
    "pretraining_settings_page",
    "run_features",
    "run_pretraining",
    "run_pretraining_evaluation",
    "start_pretraining",
    "store_encoder",
    "trained_encoder",
]
