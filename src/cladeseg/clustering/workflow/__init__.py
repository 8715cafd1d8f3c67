"""What a clustering bundle's configs call: settings, training, evaluation, inference."""

from cladeseg.clustering.groups import GroupingOptions
from cladeseg.clustering.twin import TwinNetwork
from cladeseg.clustering.workflow.evaluation import run_evaluation
from cladeseg.clustering.workflow.inference import run_inference
from cladeseg.clustering.workflow.plan import ClusteringPlan, check_clustering_overrides
from cladeseg.clustering.workflow.settings import ClusteringSettings
from cladeseg.clustering.workflow.trained import Trained, find_trained
from cladeseg.clustering.workflow.training import run_training

__all__ = [
    "ClusteringPlan",
    "ClusteringSettings",
    "GroupingOptions",
    "Trained",
    "TwinNetwork",
    "check_clustering_overrides",
    "find_trained",
    "run_evaluation",
    "run_inference",
    "run_training",
]
