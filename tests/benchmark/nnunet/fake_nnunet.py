"""An environment whose commands pretend to be nnU-Net's: they read its folders and write masks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

#: What every command does first: it notes its name, arguments and variables.
_BEGIN = """
import json, multiprocessing, os, pathlib, shutil, sys
name, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
if name == {fails!r}:
    print("CUDA is out of luck")
    raise SystemExit("RuntimeError: no such plan")
folders = {{each: pathlib.Path(os.environ["nnUNet_" + each]) for each in ("raw", "preprocessed", "results")}}
dataset = "Dataset001_cladeseg"
note = {{"name": name, "arguments": arguments, "cores": multiprocessing.cpu_count(),
        "workers": os.environ["nnUNet_n_proc_DA"], "compile": os.environ["nnUNet_compile"],
        "threads": os.environ.get("OMP_NUM_THREADS"), "pythonpath": os.environ.get("PYTHONPATH")}}
with open({calls!r}, "a") as file:
    file.write(json.dumps(note) + "\\n")
def after(flag):
    return arguments[arguments.index(flag) + 1]
"""
_BODIES = {
    "nnUNetv2_plan_and_preprocess": """
content = json.loads((folders["raw"] / dataset / "dataset.json").read_text())
(folders["preprocessed"] / dataset).mkdir(parents=True)
""",
    # As the real one, it predicts its own training cases in the end.
    "nnUNetv2_train": """
print("2026-11-26 12:00:00.0: Epoch 4 ", flush=True)
configuration, trainer = arguments[1], after("-tr")
fold = folders["results"] / dataset / (trainer + "__nnUNetPlans__" + configuration) / ("fold_" + arguments[2])
shutil.copytree(folders["raw"] / dataset / "labelsTr", fold / "validation")
(fold / "checkpoint_final.pth").touch()
""",
    "nnUNetv2_predict": """
out = pathlib.Path(after("-o"))
out.mkdir()
for image in pathlib.Path(after("-i")).iterdir():
    case = image.name.replace("_0000.nii.gz", ".nii.gz")
    shutil.copy(pathlib.Path({truth!r}) / case, out / case)
""",
}


def fake_environment(folder: Path, *, truth: Path, fails: str = "") -> Path:
    """Write the commands.

    Args:
        folder: of the environment.
        truth: folder of labels that the predictions are copied from.
        fails: name of a command that ends in an error.
    """
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    values = {"fails": fails, "calls": str(folder / "calls.jsonl"), "truth": str(truth)}
    for name, body in _BODIES.items():
        (folder / "bin" / name).write_text(_BEGIN.format(**values) + body.replace("{truth!r}", repr(str(truth))))
    return folder


def calls_of(folder: Path) -> list[dict[str, object]]:
    """What the commands noted, in order."""
    file = folder / "calls.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
