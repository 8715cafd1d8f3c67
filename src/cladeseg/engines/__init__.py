"""Training and evaluation on MONAI's ignite engines."""

from cladeseg.engines.build_step import build_step
from cladeseg.engines.device import choose_device, to_device
from cladeseg.engines.evaluation import Evaluation, evaluate
from cladeseg.engines.history import EpochLosses, HistoryFile, TensorBoardLog
from cladeseg.engines.loaded_start import LoadedStart
from cladeseg.engines.node_dice import NodeDice, Validate
from cladeseg.engines.progress import TrainingProgress
from cladeseg.engines.schedule import StepSchedule
from cladeseg.engines.step import HierarchicalMixStep, Step, StepInput, SupervisedStep, parameters_of
from cladeseg.engines.stop_after import StopAfter
from cladeseg.engines.trainer import TreeTrainer, step_generator
from cladeseg.engines.training_state import TrainingState, save_atomically
from cladeseg.engines.weights import LoadWeights, SaveBestWeights, load_weights

__all__ = [
    "EpochLosses",
    "Evaluation",
    "HierarchicalMixStep",
    "HistoryFile",
    "LoadWeights",
    "LoadedStart",
    "NodeDice",
    "SaveBestWeights",
    "Step",
    "StepInput",
    "StepSchedule",
    "StopAfter",
    "SupervisedStep",
    "TensorBoardLog",
    "TrainingProgress",
    "TrainingState",
    "TreeTrainer",
    "Validate",
    "build_step",
    "choose_device",
    "evaluate",
    "load_weights",
    "parameters_of",
    "save_atomically",
    "step_generator",
    "to_device",
]
