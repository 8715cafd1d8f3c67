"""Settings and options of a wrong type or range, and overrides that nobody would obey."""

from __future__ import annotations

from fault_kinds import CHECK, EVALUATE, MONAI_EVALUATE, MONAI_INFER, MONAI_TRAIN, PREDICT, TRAIN, Fault
from fault_stage import written


def _set(name: str, setting: str, value: str, names: str = "", new: tuple[str, ...] = ()) -> Fault:
    return Fault(name=name, command=f"{TRAIN} --set {setting}={value}", names=names or setting, new=new)


def _override(name: str, key: str, value: str, names: str = "") -> Fault:
    return Fault(
        name=f"{name}, through MONAI's command", command=f"{MONAI_TRAIN} --{key} {value}", names=names or key, new=()
    )


SETTINGS = (
    _set("a word for a number", "optimizer.learning_rate", "abc"),
    _override("a word for a number", "settings#optimizer#learning_rate", "abc"),
    _set("a fraction for a whole number", "seed", "1.5"),
    _override("a fraction for a whole number", "seed", "1.5"),
    _set("one number for three", "data.patch_size", "32"),
    _override("one number for three", "settings#data#patch_size", "32"),
    _set("too few filters", "network.filters", "0"),
    _override("too few filters", "settings#network#filters", "0"),
    _set("a share that is no number", "split.validation_fraction", "NaN"),
    _override("a share that is no number", "settings#split#validation_fraction", "nan"),
    _set("a share above 1", "split.test_fraction", "1.5"),
    _set("a negative weight", "mix.weight", "-1"),
    _override("a negative weight", "settings#mix#weight", "-1"),
    _set("a threshold above 1 for one node", "pseudo_label.threshold", "'{\"heart\":1.5}'"),
    _override("a fraction of a case", "settings#batch#fine", "1.5"),
    _set("no case in a batch", "batch", '\'{"fine":0,"coarse":0,"unlabelled":0}\'', "batch"),
    _set("a method that there is not", "method", "magic"),
    _set("a layout that there is not, in the settings", "data.layout", "martian"),
    _set("a voxel of no size", "data.spacing", "[0,1,1]"),
    _set("an endless voxel", "data.spacing", "[Infinity,1,1]"),
    _set("an order of axes that there is not", "data.axis_order", "XYZ"),
    _set("a superclass that there is not, to keep the largest of", "inference.keep_largest", "'[\"liver\"]'", "liver"),
    _set("a superclass that there is not", "split.superclass", "liver", "liver", new=("N/run.json", "N/.lock")),
    _set("a setting that there is not", "mix.wieght", "1", "mix.weight"),
    _set("a group that there is not", "mxi.weight", "1", "did you mean mix"),
    _set("a value in a group's place", "mix", "3", "mix"),
    _set("an expression for a value", "data.layout", "'$print(1)'", "begins with '$'"),
    Fault(name="a change that is none", command=f"{TRAIN} --set mix.weight", names="mix.weight", new=()),
    Fault(name="more fine patients than there are", command=f"{TRAIN} --fine-patients 99", names="99"),
    Fault(name="a fine patient that there is not", command=f"{TRAIN} --fine-patients patient077,", names="patient077"),
    Fault(name="no epoch", command=f"{TRAIN} --epochs 0", names="--epochs", code=2, new=()),
    Fault(name="a device that there is not", command=TRAIN.replace("cpu", "abc"), names="device: 'abc'", new=()),
    Fault(
        name="a device that there is not, through MONAI's command",
        command=MONAI_TRAIN.replace("cpu", "abc"),
        names="device: 'abc'",
        new=(),
        apart=True,
    ),
    Fault(
        name="a device that there is not, in prediction",
        command=PREDICT.replace("cpu", "abc"),
        names="device: 'abc'",
        new=(),
    ),
    Fault(
        name="a device that there is not, in inference",
        command=MONAI_INFER.replace("cpu", "abc"),
        names="device: 'abc'",
        new=(),
    ),
    Fault(
        name="a device that there is not, in evaluation",
        command=MONAI_EVALUATE.replace("cpu", "abc"),
        names="device: 'abc'",
        new=(),
    ),
    Fault(name="a modality that there is not", command=f"{PREDICT} --modalities flair", names="flair", new=()),
    Fault(
        name="a modality that there is not, in evaluation",
        command=f"{EVALUATE} --modalities flair",
        names="flair",
        new=(),
    ),
    Fault(name="windows that never move on", command=f"{PREDICT} --overlap 1", names="--overlap", code=2, new=()),
    Fault(
        name="windows that never move on, in inference", command=f"{MONAI_INFER} --overlap 1.5", names="overlap", new=()
    ),
    Fault(name="a mirror that there is not", command=f"{PREDICT} --flips sideways", names="sideways", new=()),
    Fault(name="a part of the split that there is not", command=f"{MONAI_EVALUATE} --split tset", names="tset", new=()),
    Fault(
        name="a negative tolerance, in evaluation",
        command=f"{MONAI_EVALUATE} --nsd_tolerance_mm -1",
        names="nsd_tolerance_mm",
        new=(),
    ),
    Fault(
        name="a label convention that the tree lacks, in prediction",
        command=f"{PREDICT} --label-convention brats",
        names="brats",
        new=(),
    ),
    Fault(
        name="a label convention that the tree lacks, in inference",
        command=f"{MONAI_INFER} --label_convention brats",
        names="brats",
        new=(),
    ),
)
OVERRIDES = (
    _override("a misspelt key", "epoch", "2", "--epochs"),
    Fault(
        name="a misspelt key",
        command=f"cladeseg run {MONAI_TRAIN.split('run ')[1]} --epoch 2",
        names="--epochs",
        new=(),
    ),
    _override("a setting under its short name", "mix_weight", "1", "--settings#mix#weight"),
    _override("a switch in another language", "amp", "false", "write False"),
    _override("nothing, as Python has it", "fine_patients", "None", "'$None'"),
    _override("an expression for a folder", "dataset_dir", "'$__import__(1)'", "--dataset_dir $__import__"),
    _override("a reference for a folder", "output_dir", "@epochs", "--output_dir @epochs"),
    Fault(
        name="a macro for a folder",
        command=f"cladeseg run {MONAI_TRAIN.split('run ')[1]} --dataset_dir %a.json",
        names="--dataset_dir %a.json",
        new=(),
    ),
    Fault(
        name="an expression for a modality",
        command=f"{PREDICT} --modalities '$print(1)'",
        names="modalities $print(1)",
        new=(),
    ),
    Fault(
        name="an expression for a label convention",
        command=f"{PREDICT} --label-convention '$print(1)'",
        names="label_convention $print(1)",
        new=(),
    ),
    Fault(
        name="a stray word, through MONAI's command",
        command=f"{MONAI_TRAIN} --amp False stray",
        names="stray",
        new=(),
        apart=True,
    ),
    Fault(name="a stray word", command=f"{TRAIN} stray", names="stray", code=2, new=()),
    Fault(
        name="a command that the bundle lacks",
        command=MONAI_TRAIN.replace("training", "trainin", 1),
        names="trainin: ",
        new=(),
    ),
    Fault(name="no config file", command="cladeseg run training", names="--config_file", new=()),
    Fault(
        name="a config file that is not there",
        command="cladeseg run training --config_file B/configs/tarin.json",
        names="tarin.json",
        new=(),
    ),
    Fault(
        name="a config file that is no JSON",
        command="cladeseg run training --config_file a.json",
        names="a.json",
        plant=lambda s: written(s.root / "a.json", "{"),
        new=(),
    ),
    Fault(name="an overlay that is not there", command=f"{TRAIN} --overlay gone.json", names="gone.json", new=()),
    Fault(
        name="an overlay that is no JSON",
        command=f"{TRAIN} --overlay a.json",
        names="a.json",
        plant=lambda s: written(s.root / "a.json", "{"),
        new=(),
    ),
    Fault(
        name="an overlay with a key that there is not",
        command=f"{TRAIN} --overlay a.json",
        names="a.json: epoch: ",
        plant=lambda s: written(s.root / "a.json", '{"epoch": 2}'),
        new=(),
    ),
    Fault(
        name="an overlay with a value that does not fit",
        command=f"{TRAIN} --overlay a.json",
        names="a.json: ",
        plant=lambda s: written(s.root / "a.json", '{"seed": -2}'),
        new=(),
    ),
    Fault(
        name="a bundle's config that is no JSON",
        command=TRAIN,
        names="train.json",
        plant=lambda s: written(s.bundle / "configs" / "train.json", "{"),
        new=(),
    ),
    Fault(
        name="a bundle's config that is no JSON, in a check",
        command=CHECK,
        names="train.json",
        plant=lambda s: written(s.bundle / "configs" / "train.json", "{"),
        new=(),
    ),
    Fault(
        name="a bundle's inference config that is no JSON",
        command=PREDICT,
        names="inference.json",
        plant=lambda s: written(s.bundle / "configs" / "inference.json", "{"),
        new=(),
    ),
)
