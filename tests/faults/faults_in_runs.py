"""Run folders, weights, outputs and what one types."""

from __future__ import annotations

import json
import shutil
from typing import Any

import torch
from fault_kinds import CHECK, EVALUATE, MONAI_INFER, MONAI_TRAIN, PREDICT, RESUME, TRAIN, Fault
from fault_stage import Stage, changed_json, cut, file_instead, folder_instead, written


def _other_seed(record: dict[str, Any]) -> None:
    record["settings"]["seed"] = 7


def _without_weights(stage: Stage) -> None:
    shutil.rmtree(stage.run)
    for file in (stage.bundle / "models").iterdir():
        file.unlink()


def _mask(stage: Stage) -> None:
    written(stage.root / "N" / "patient001_frame01.nii.gz", "mine")


def _other_network(description: dict[str, Any]) -> None:
    description["network"]["filters"] = [5] * len(description["network"]["filters"])


def _renamed_node(stage: Stage) -> None:
    file = stage.tree()
    file.write_text(file.read_text().replace("myocardium", "muscle"))


def _swapped_values(stage: Stage) -> None:
    text = stage.tree().read_text()
    stage.tree().write_text(
        text.replace('{"acdc": 1}', '{"acdc": 9}')
        .replace('{"acdc": 3}', '{"acdc": 1}')
        .replace('{"acdc": 9}', '{"acdc": 3}')
    )


def _nan_weights(stage: Stage) -> None:
    state = torch.load(stage.run / "models" / "model.pt", weights_only=True)
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name] = torch.full_like(state[name], float("nan"))
    torch.save(state, stage.root / "nan.pt")
    shutil.copy(stage.run / "models" / "model.json", stage.root / "model.json")
    changed_json(stage.root / "model.json", lambda content: content.pop("sha256") and content)


def _test_case_trained_on(stage: Stage) -> None:
    """A case of the test part that is, voxel by voxel, one of the training's."""
    shutil.copy(stage.image(1), stage.image(3))
    shutil.copy(stage.label(1), stage.label(3))


RUNS = (
    Fault(name="a folder that holds a training", command=TRAIN.replace("N", "R"), names="--resume"),
    Fault(
        name="a folder that holds a training, through MONAI's command",
        command=MONAI_TRAIN.replace("output_dir N", "output_dir R"),
        names="--resume",
        apart=True,
    ),
    Fault(name="a training resumed with another setting", command=f"{RESUME} --set mix.weight=0.5", names="mix.weight"),
    Fault(name="a training resumed with another seed", command=f"{RESUME} --seed 3", names="seed"),
    Fault(
        name="a damaged checkpoint",
        command=f"{RESUME} --epochs 2",
        names="last.pt",
        plant=lambda s: cut(s.run / "checkpoints" / "last.pt"),
    ),
    Fault(
        name="a checkpoint that is a text",
        command=f"{RESUME} --epochs 2",
        names="last.pt",
        plant=lambda s: written(s.run / "checkpoints" / "last.pt", "text"),
    ),
    Fault(
        name="a damaged run.json",
        command=f"{RESUME} --epochs 2",
        names="run.json",
        plant=lambda s: written(s.run / "run.json", "{"),
    ),
    Fault(
        name="a run.json of something else",
        command=f"{RESUME} --epochs 2",
        names="run.json",
        plant=lambda s: written(s.run / "run.json", "[]"),
    ),
    Fault(
        name="a run.json of other settings",
        command=f"{RESUME} --epochs 2",
        names="seed",
        plant=lambda s: changed_json(s.run / "run.json", _other_seed),
    ),
    Fault(
        name="a damaged history.csv",
        command=f"{RESUME} --epochs 2",
        names="history.csv",
        plant=lambda s: (s.run / "history.csv").write_bytes(b"\x00\xff\xfe,epoch\n1"),
    ),
    Fault(
        name="a damaged datalist.json",
        changed=("R/run.json",),
        command=f"{RESUME} --epochs 2",
        names="datalist.json",
        plant=lambda s: written(s.run / "datalist.json", "{"),
    ),
    Fault(
        name="a damaged datalist.json, in evaluation",
        command=EVALUATE,
        names="datalist.json",
        plant=lambda s: written(s.run / "datalist.json", json.dumps({"format": 1})),
    ),
    Fault(
        name="a patient removed since the training",
        changed=("R/run.json",),
        command=f"{RESUME} --epochs 2",
        names="patient001",
        plant=lambda s: shutil.rmtree(s.data / "patient001"),
    ),
    Fault(
        name="a training resumed on another tree",
        command=f"{RESUME} --epochs 2",
        names="muscle",
        plant=_renamed_node,
    ),
    Fault(
        name="an image changed since the training, in evaluation",
        command=EVALUATE,
        names="patient003",
        plant=_test_case_trained_on,
    ),
    Fault(
        name="a file in place of the run's folder", command=TRAIN, names="N", plant=lambda s: file_instead(s.root / "N")
    ),
    Fault(
        name="a run's folder that cannot be made", command=TRAIN.replace("output N", "output /proc/N"), names="/proc/N"
    ),
)
WEIGHTS = (
    Fault(name="no weights", command=PREDICT, names="no trained weights", plant=_without_weights, new=()),
    Fault(
        name="no weights, in evaluation", command=EVALUATE, names="no trained weights", plant=_without_weights, new=()
    ),
    Fault(
        name="no weights, in inference",
        command=MONAI_INFER,
        names="no trained weights",
        plant=_without_weights,
        new=(),
        apart=True,
    ),
    Fault(name="a weight file that is not there", command=f"{PREDICT} --weights gone.pt", names="gone.pt", new=()),
    Fault(
        name="a weight file that is none",
        command=f"{PREDICT} --weights a.pt",
        names="a.pt",
        plant=lambda s: written(s.root / "a.pt", "text"),
        new=(),
    ),
    Fault(name="a folder in place of a weight file", command=f"{PREDICT} --weights B", names="B", new=()),
    Fault(
        name="weights that are not those of their record",
        command=PREDICT,
        names="model.safetensors",
        plant=lambda s: cut(s.bundle / "models" / "model.safetensors"),
        new=(),
    ),
    Fault(
        name="a damaged model.json",
        command=PREDICT,
        names="model.json",
        plant=lambda s: written(s.bundle / "models" / "model.json", "{"),
        new=(),
    ),
    Fault(
        name="a model.json of something else",
        command=PREDICT,
        names="model.json",
        plant=lambda s: written(s.bundle / "models" / "model.json", "[]"),
        new=(),
    ),
    Fault(
        name="a model.json of another network",
        command=PREDICT,
        names="model",
        plant=lambda s: changed_json(s.bundle / "models" / "model.json", _other_network),
        new=(),
    ),
    Fault(name="a run without weights to promote", command="cladeseg promote D B", names="D", new=()),
)
OUTPUT = (
    Fault(
        name="DICOM segmentations of images that are no DICOM series",
        command=f"{PREDICT} --output-format dicom-seg",
        names="D/patient001/patient001_frame01.nii.gz: is no DICOM series",
        new=(),
    ),
    Fault(
        name="masks over their images, through MONAI's command",
        command=MONAI_INFER.replace("dataset_dir D", "dataset_dir R/predictions"),
        names="R/predictions",
        plant=lambda s: shutil.copytree(s.data / "patient001", s.run / "predictions"),
        new=(),
    ),
    Fault(
        name="a single mask over its image",
        command="cladeseg predict D/patient001/patient001_frame01.nii.gz D/patient001 --bundle B",
        names="D/patient001",
        new=(),
    ),
    Fault(
        name="masks over their images",
        command="cladeseg predict D/patient001 D/patient001 --bundle B --device cpu",
        names="D/patient001",
        new=(),
    ),
    Fault(
        name="a mask that is there already", command=PREDICT, names="N/patient001_frame01.nii.gz", plant=_mask, new=()
    ),
    Fault(
        name="a file in place of the folder for masks",
        command=PREDICT,
        names="N",
        plant=lambda s: file_instead(s.root / "N"),
        new=(),
    ),
    Fault(
        name="a folder for masks that cannot be made",
        command=PREDICT.replace(" N ", " /proc/N "),
        names="/proc/N",
        new=(),
    ),
    Fault(
        name="a folder for masks that cannot be made, in inference",
        command=MONAI_INFER.replace("output_dir R", "output_dir /proc/N"),
        names="/proc/N",
        new=(),
    ),
    Fault(
        name="a folder in a mask's place",
        command=PREDICT,
        names="patient001_frame01.nii.gz",
        plant=lambda s: folder_instead(s.root / "N" / "patient001_frame01.nii.gz"),
        new=(),
    ),
    Fault(
        name="a bundle's folder that is not empty",
        command="cladeseg new-bundle D --taxonomy B/configs/taxonomy.json",
        names="D: is not empty",
        new=(),
    ),
    Fault(
        name="a file in place of a new bundle",
        command="cladeseg new-bundle N --taxonomy B/configs/taxonomy.json",
        names="N",
        plant=lambda s: file_instead(s.root / "N"),
        new=(),
    ),
    Fault(
        name="a new bundle where none can be made",
        command="cladeseg new-bundle /proc/N --taxonomy B/configs/taxonomy.json",
        names="/proc/N",
        new=(),
    ),
    Fault(
        name="a new bundle for data of another layout",
        command="cladeseg new-bundle N --taxonomy B/configs/taxonomy.json --layout brats --dataset D",
        names="D: ",
        new=(),
    ),
    Fault(name="a copy over something else", command="cladeseg copy-bundle B D", names="D", new=()),
    Fault(name="phantoms in a folder of something else", command="cladeseg phantoms B", names="B", new=()),
)
TERMINAL = (
    Fault(name="an option that there is not", command=f"{PREDICT} --fips allowed", names="--flips", code=2, new=()),
    Fault(name="an option that is missing", command="cladeseg predict D N", names="--bundle", code=2, new=()),
    Fault(name="a word for a number in an option", command=f"{TRAIN} --epochs ten", names="--epochs", code=2, new=()),
    Fault(name="loud and quiet", command=f"{CHECK} -v -q", names="--verbose and --quiet", code=2, new=()),
    Fault(name="a command that there is not", command="cladeseg trian", names="trian", code=2, new=()),
    Fault(
        name="a bundle that there is not",
        command="cladeseg train adcd --dataset D --output N",
        names="did you mean 'acdc'",
        new=(),
    ),
    Fault(name="a folder that is no bundle", command="cladeseg predict D N --bundle D", names="D: ", new=()),
    Fault(name="a grid that there is not", command="cladeseg benchmark labels gone --output N", names="gone", new=()),
)
