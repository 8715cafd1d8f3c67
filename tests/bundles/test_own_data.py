"""The commands of the page "Use your own data", as they stand there, on folders as people have them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import REPOSITORY, json_of
from typer.testing import CliRunner

from cladeseg.cli import app
from cladeseg.segmentation.phantoms import write_msd_phantoms

SHARED = Path(os.environ.get("CLADESEG_DATA", REPOSITORY.parent / "shared" / "data"))
PAGE = (REPOSITORY / "docs" / "how-to" / "own-data.md").read_text(encoding="utf-8")
COMMANDS = [line.split("#")[0].strip() for line in PAGE.splitlines() if line.startswith("cladeseg ")]
KNEE = PAGE.split("```json\n")[1].split("```")[0]
PATIENTS = 4
#: What makes a training a matter of seconds; the commands stay as they are but for this.
SHORT = ("--fine-patients 1 --epochs 1 --device cpu --set optimizer.steps_per_epoch=1 --set network.filters=4 "
         "--set batch.fine=1 --set batch.coarse=1")  # fmt: skip


def node(name: str, value: int | None = None, parent: str = "root") -> dict[str, Any]:
    return {"name": name, "parent": parent, **({} if value is None else {"values": {"mine": value}})}


BRAIN = [node("background", 0), node("brain")]
BRAIN += [node(name, i, "brain") for i, name in enumerate(("csf", "grey_matter", "white_matter"), start=1)]
HEART = [
    *(node("background", 0), node("heart"), node("rv_pool", 600, "heart"), node("left_heart", None, "heart")),
    *(node("lv_pool", 500, "left_heart"), node("myocardium", None, "left_heart"), node("normal", 200, "myocardium")),
    *(node("pathology", None, "myocardium"), node("edema", 1220, "pathology"), node("scar", 2221, "pathology")),
]


def linked(name: str) -> Callable[[Path], None]:
    """A few patients of a real data set, whose folders stay where and as they are."""

    def write(folder: Path) -> None:
        for patient in sorted(path for path in (SHARED / name).iterdir() if path.is_dir())[:PATIENTS]:
            (folder / patient.name).symlink_to(patient.resolve(), target_is_directory=True)

    return write


def phantoms(folder: Path) -> None:
    """Hippocampi as a folder for each patient."""
    source = folder.with_name("phantoms")
    write_msd_phantoms(source, cases=PATIENTS, shape=(22, 24, 20))
    for image in sorted((source / "imagesTr").iterdir()):
        name = image.name.removesuffix(".nii.gz")
        (folder / name).mkdir()
        shutil.copy(image, folder / name)
        shutil.copy(source / "labelsTr" / image.name, folder / name / f"{name}_seg.nii.gz")


def real(name: str, *values: Any) -> Any:
    absent = pytest.mark.skipif(not (SHARED / name).is_dir(), reason=f"no real data at {SHARED / name}")
    return pytest.param(linked(name), *values, id=name, marks=[pytest.mark.real_data, absent])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("write", "tree", "channels", "coarser"),
    [
        pytest.param(phantoms, json.loads(KNEE), [], "data.spacing=[2,2,2]", id="phantoms"),
        real("ibsr", {"name": "brain", "nodes": BRAIN}, [], "data.spacing=[4,4,4]"),
        real("myops", {"name": "heart", "nodes": HEART}, ["C0", "LGE", "T2"], "data.spacing=[4,4,16]"),
    ],
)
def test_the_pages_commands_run(
    here: Path, write: Callable[[Path], None], tree: dict[str, Any], channels: list[str], coarser: str
) -> None:
    (here / "D").mkdir()
    write(here / "D")
    Path("tree.json").write_text(json.dumps(tree))
    small = "data.patch_size=[16,16,16]" if not channels else "data.patch_size=[32,32,2]"
    assert [command.split()[1] for command in COMMANDS] == ["new-bundle", "check", "train", "evaluate", "predict"]
    for command in COMMANDS:
        more = f" {SHORT} --set {coarser} --set {small}" if command.startswith("cladeseg train") else ""
        result = CliRunner().invoke(app, shlex.split(command + more)[1:])
        assert (result.exit_code, result.exception) == (0, None), (command, result.output)
    data = json_of(Path("knee/configs/train.json"))["settings"]["data"]
    assert (data["layout"], data.get("channels", [])) == ("folders", channels)
    split = json_of(Path("R/datalist.json"))
    assert sum(len(split[part]) for part in ("training", "validation", "test")) == PATIENTS
    assert Path("R/eval/metrics.csv").is_file()
    for case in (case for part in ("training", "validation", "test") for case in split[part]):
        image = nib.load(Path("D", case["image"] if isinstance(case["image"], str) else case["image"][0]))
        mask = nib.load(Path("masks", f"{case['case']}.nii.gz"))
        assert mask.shape == image.shape[:3]  # IBSR's have a trailing axis of 1
        np.testing.assert_array_equal(mask.affine, image.affine)
