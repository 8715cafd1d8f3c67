"""Training and evaluation on MONAI's ignite engines."""

from cladeseg.bundle.device import choose_device, to_device
from cladeseg.segmentation.engines.build_step import build_step
from cladeseg.segmentation.engines.checkpoint import load_checkpoint, save_atomically
from cladeseg.segmentation.engines.evaluation import EvaluatedCase, Evaluation, Labeller, evaluate, score_case
from cladeseg.segmentation.engines.handlers import StopAfter, SyncTeacherOnLoad, TrainingProgress, Validate
from cladeseg.segmentation.engines.history import EpochLosses, HistoryFile, TensorBoardLog, read_history
from cladeseg.segmentation.engines.mix_step import HierarchicalMixStep, MixInPlaceStep, RegionMixer
from cladeseg.segmentation.engines.node_dice import NodeDice
from cladeseg.segmentation.engines.open_training import open_training
from cladeseg.segmentation.engines.pretrained import load_pretrained, pretrained_images
from cladeseg.segmentation.engines.refresh_labels import RefreshLabels
from cladeseg.segmentation.engines.schedule import StepSchedule
from cladeseg.segmentation.engines.step import Overview, Step, StepInput, SupervisedStep, parameters_of
from cladeseg.segmentation.engines.trainer import TreeTrainer, step_generator
from cladeseg.segmentation.engines.training_state import TrainingState
from cladeseg.segmentation.engines.two_pass_step import TwoPassStep
from cladeseg.segmentation.engines.weights import LoadWeights, SaveBestWeights, load_weights

__all__ = [
    "EpochLosses",
    "EvaluatedCase",
    "Evaluation",
    "HierarchicalMixStep",
    "HistoryFile",
    "Labeller",
    "LoadWeights",
    "MixInPlaceStep",
    "NodeDice",
    "Overview",
    "RefreshLabels",
    "RegionMixer",
    "SaveBestWeights",
    "Step",
    "StepInput",
    "StepSchedule",
    "StopAfter",
    "SupervisedStep",
    "SyncTeacherOnLoad",
    "TensorBoardLog",
    "TrainingProgress",
    "TrainingState",
    "TreeTrainer",
    "TwoPassStep",
    "Validate",
    "build_step",
    "choose_device",
    "evaluate",
    "load_checkpoint",
    "load_pretrained",
    "load_weights",
    "open_training",
    "parameters_of",
    "pretrained_images",
    "read_history",
    "save_atomically",
    "score_case",
    "step_generator",
    "to_device",
]
