"""What a segmentation bundle's configs call: settings, training, evaluation, prediction, new bundles, promotion."""

from cladeseg.segmentation.workflow.dataset_report import dataset_table, findings_table, taxonomy_tree
from cladeseg.segmentation.workflow.evaluation import run_evaluation
from cladeseg.segmentation.workflow.new_bundle import BundlePlan, new_bundle, write_bundle
from cladeseg.segmentation.workflow.prediction import image_cases, load_predictor, run_inference
from cladeseg.segmentation.workflow.promotion import promote
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.segmentation.workflow.trained import (
    find_bundle_weights,
    find_weights,
    network_from,
    store_weights,
    trained_setting,
)
from cladeseg.segmentation.workflow.training import (
    datalist_of_run,
    resolve_run_convention,
    run_training,
    training_cases,
    with_propagated_labels,
)
from cladeseg.segmentation.workflow.workflow import TrainingWorkflow

__all__ = [
    "BundlePlan",
    "TrainingSettings",
    "TrainingWorkflow",
    "datalist_of_run",
    "dataset_table",
    "find_bundle_weights",
    "find_weights",
    "findings_table",
    "image_cases",
    "load_predictor",
    "network_from",
    "new_bundle",
    "promote",
    "resolve_run_convention",
    "run_evaluation",
    "run_inference",
    "run_training",
    "store_weights",
    "taxonomy_tree",
    "trained_setting",
    "training_cases",
    "with_propagated_labels",
    "write_bundle",
]
