"""What a bundle's configs call: the run folder, the three commands, promotion, and the Python way in."""

from cladeseg.bundle.audit import AuditFinding, audit_bundle
from cladeseg.bundle.audit_report import audit_exit_code, audit_json, audit_table
from cladeseg.bundle.command_line import OverrideError, check_overrides
from cladeseg.bundle.evaluation import run_evaluation
from cladeseg.bundle.failure import explain_failures
from cladeseg.bundle.monai_label import choose_run_folder
from cladeseg.bundle.new_bundle import BundlePlan, new_bundle, write_bundle
from cladeseg.bundle.prediction import image_cases, load_predictor, run_inference
from cladeseg.bundle.problem import Problem
from cladeseg.bundle.promotion import promote
from cladeseg.bundle.run_folder import RunFolder, start_run
from cladeseg.bundle.settings import TrainingSettings
from cladeseg.bundle.trained import find_bundle_weights, find_weights, network_from, store_weights, trained_setting
from cladeseg.bundle.training import datalist_of_run, label_dialect, run_training, training_cases, with_guesses
from cladeseg.bundle.validate import validate_bundle
from cladeseg.bundle.workflow import TrainingWorkflow

__all__ = [
    "AuditFinding",
    "BundlePlan",
    "OverrideError",
    "Problem",
    "RunFolder",
    "TrainingSettings",
    "TrainingWorkflow",
    "audit_bundle",
    "audit_exit_code",
    "audit_json",
    "audit_table",
    "check_overrides",
    "choose_run_folder",
    "datalist_of_run",
    "explain_failures",
    "find_bundle_weights",
    "find_weights",
    "image_cases",
    "label_dialect",
    "load_predictor",
    "network_from",
    "new_bundle",
    "promote",
    "run_evaluation",
    "run_inference",
    "run_training",
    "start_run",
    "store_weights",
    "trained_setting",
    "training_cases",
    "validate_bundle",
    "with_guesses",
    "write_bundle",
]
