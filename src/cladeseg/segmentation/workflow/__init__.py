"""What a segmentation bundle's configs call: settings, training, evaluation, prediction, new bundles, promotion."""

from cladeseg.segmentation.workflow.command_line import check_training_overrides
from cladeseg.segmentation.workflow.dataset_check import check_for_training
from cladeseg.segmentation.workflow.dataset_report import dataset_table, findings_table, taxonomy_tree
from cladeseg.segmentation.workflow.evaluation import evaluation_predictor, run_evaluation
from cladeseg.segmentation.workflow.inference import (
    model_cases,
    model_inferer,
    model_keep_largest,
    model_network,
    model_preprocessing,
    untrained_network,
)
from cladeseg.segmentation.workflow.new_bundle import BundlePlan, new_bundle, write_bundle
from cladeseg.segmentation.workflow.plan import TrainingPlan, bundle_plan, cases_for
from cladeseg.segmentation.workflow.prediction import BundlePredictor, image_cases, load_predictor, run_inference
from cladeseg.segmentation.workflow.prediction_run import PredictionRun
from cladeseg.segmentation.workflow.promotion import promote
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.segmentation.workflow.trained import (
    TrainedModel,
    find_bundle_weights,
    find_weights,
    network_from,
    store_weights,
    trained_model,
)
from cladeseg.segmentation.workflow.training import (
    run_training,
    start_training,
    training_dataset,
    validation_dataset,
)
from cladeseg.segmentation.workflow.workflow import TrainingWorkflow

__all__ = [
    "BundlePlan",
    "BundlePredictor",
    "PredictionRun",
    "TrainedModel",
    "TrainingPlan",
    "TrainingSettings",
    "TrainingWorkflow",
    "bundle_plan",
    "cases_for",
    "check_for_training",
    "check_training_overrides",
    "dataset_table",
    "evaluation_predictor",
    "find_bundle_weights",
    "find_weights",
    "findings_table",
    "image_cases",
    "load_predictor",
    "model_cases",
    "model_inferer",
    "model_keep_largest",
    "model_network",
    "model_preprocessing",
    "network_from",
    "new_bundle",
    "promote",
    "run_evaluation",
    "run_inference",
    "run_training",
    "start_training",
    "store_weights",
    "taxonomy_tree",
    "trained_model",
    "training_dataset",
    "untrained_network",
    "validation_dataset",
    "write_bundle",
]
