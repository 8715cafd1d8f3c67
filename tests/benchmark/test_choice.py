"""The arm of ``cladeseg select``: it sees the outlines of training patients and nothing else, and keeps its choice."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from grids import BUNDLE, grid, key, write_grid
from rich.console import Console

from cladeseg.benchmark import benchmark, read_grid, run_benchmark
from cladeseg.benchmark import choice as module
from cladeseg.benchmark.choice import choose_patients
from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.nnunet.options import NnunetOptions
from cladeseg.benchmark.run_work import RunWork
from cladeseg.benchmark.runs import RunKey, bundle_run, chosen_patients, planned_runs, refuse_changes
from cladeseg.files import DataError
from cladeseg.segmentation.data import build_datalist, load_datalist
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.segmentation.selection import SuperclassLoader, training_patients
from cladeseg.tasks import End
from cladeseg.taxonomy import load_taxonomy

SELECTED = GridMethod(name="chosen", label="ours, patients selected", patients="select")
FRACTIONS = {"validation_fraction": 0.2, "test_fraction": 0.2}
SPLIT = {f"settings#split#{name}": value for name, value in FRACTIONS.items()}


def of(**changes: Any) -> Grid:
    return grid(methods=(*grid().methods, SELECTED), **{"overrides": SPLIT, "n": (1, 2), **changes})


def choose(output: Path, data: Path, **changes: Any) -> dict[int, list[str]]:
    """n → what is chosen."""
    one = of(**changes)
    choose_patients(one, planned_runs(one), output=output, dataset_dir=data)
    found = {n: chosen_patients(output, key("chosen", n)) for n in (1, 2)}
    return {n: patients for n, patients in found.items() if patients is not None}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("choice") / "D"
    write_msd_phantoms(folder, cases=10, shape=(20, 24, 18), spacing=(2.0, 2.0, 2.0))
    return folder


def rewritten(data: Path, copy: Path, change: Callable[[str, np.ndarray], np.ndarray], *, folder: str) -> Path:
    """A copy of the data with other voxels."""
    shutil.copytree(data, copy)
    for file in (copy / folder).glob("*.nii.gz"):
        volume = nib.load(file)
        voxels = np.asanyarray(volume.dataobj)
        nib.save(nib.Nifti1Image(change(file.name, voxels).astype(voxels.dtype), volume.affine), file)
    return copy


def test_the_choice_is_made_once_and_comes_out_the_same_again(tmp_path: Path, data: Path, monkeypatch: Any) -> None:
    first = choose(tmp_path, data)
    assert [len(first[n]) for n in (1, 2)] == [1, 2]
    (folder,) = (tmp_path / "selections").iterdir()
    page = folder / "n2" / "selection.md"
    assert all(patient in page.read_text() for patient in first[2])
    with monkeypatch.context() as patch:
        patch.setattr(module, "run_selection", lambda *args, **options: pytest.fail("was chosen already"))
        assert choose(tmp_path, data) == first
    shutil.rmtree(tmp_path / "selections")
    assert choose(tmp_path, data) == first


def test_leaves_have_no_say_in_the_choice(tmp_path: Path, data: Path) -> None:
    swapped = rewritten(data, tmp_path / "E", lambda _, x: np.where(x > 0, 3 - x, 0), folder="labelsTr")
    assert choose(tmp_path / "a", data) == choose(tmp_path / "b", swapped)


def test_other_parts_are_neither_opened_nor_do_they_matter(tmp_path: Path, data: Path, monkeypatch: Any) -> None:
    opened: set[str] = set()
    load = SuperclassLoader.__call__

    def watched(self: SuperclassLoader, case: Mapping[str, Any]) -> Any:
        opened.add(Path(case["label"]).name.removesuffix(".nii.gz"))
        return load(self, case)

    monkeypatch.setattr(SuperclassLoader, "__call__", watched)
    before = choose(tmp_path / "a", data)
    datalist = tmp_path / "a" / "selections" / "s0" / "datalist.json"
    training = training_patients(datalist)
    assert opened == set(training)
    assert len(training) == 6
    held_out = {case["case"] for part in ("validation", "test") for case in load_datalist(datalist)[part]}
    for folder in ("imagesTr", "labelsTr"):
        noise = np.random.default_rng(0)
        changed = rewritten(
            data,
            tmp_path / folder,
            lambda name, x, noise=noise: noise.permuted(x) if name.removesuffix(".nii.gz") in held_out else x,
            folder=folder,
        )
        assert choose(tmp_path / f"with {folder}", changed) == before


def test_the_split_is_that_of_the_trainings(tmp_path: Path, data: Path) -> None:
    choose(tmp_path, data)
    taxonomy = load_taxonomy("configs/taxonomy.json", BUNDLE)
    settings = {
        **FRACTIONS,
        "layout": "msd",
        "label_convention": "msd",
        "fine_patients": chosen_patients(tmp_path, key("chosen")),
    }
    datalist = build_datalist(data, taxonomy, progress=False, **settings)
    assert sorted({case["patient"] for case in datalist["training"]}) == training_patients(
        tmp_path / "selections" / "s0" / "datalist.json"
    )
    fine = [case["patient"] for case in datalist["training"] if case["supervision"] == "fine"]
    assert fine == chosen_patients(tmp_path, key("chosen"))


def test_each_seed_has_a_choice_from_its_own_split(tmp_path: Path, data: Path) -> None:
    choose(tmp_path, data, seeds=(0, 1))
    parts = [training_patients(tmp_path / "selections" / f"s{seed}" / "datalist.json") for seed in (0, 1)]
    assert parts[0] != parts[1]
    for seed, training in enumerate(parts):
        assert set(chosen_patients(tmp_path, key("chosen", 2, seed=seed)) or ()) <= set(training)


def test_a_run_gets_names_and_its_row_the_number(tmp_path: Path, data: Path) -> None:
    chosen = choose(tmp_path, data)
    runs = [run for run in planned_runs(of()) if run.method == "chosen"]
    assert [(run.n, run.draw) for run in runs] == [(1, 0), (2, 0)]
    run = bundle_run(of(), runs[1], output=tmp_path, dataset_dir=data)
    root = Path(run.folder.root)
    assert root.name == "chosen_n2_d0_s0"
    for file in ("overlay.json", "request.json"):
        assert json.loads((root / file).read_text())["fine_patients"] == chosen[2]
    assert "selected patients" in run.label


def test_another_choice_is_noticed_by_the_runs_that_had_the_first(tmp_path: Path, data: Path) -> None:
    chosen, one = choose(tmp_path, data), of()
    bundle_run(one, key("chosen"), output=tmp_path, dataset_dir=data)
    file = tmp_path / "selections" / "s0" / "n1" / "choice.json"
    other = next(patient for patient in chosen[2] if patient not in chosen[1])
    file.write_text(json.dumps({**json.loads(file.read_text()), "patients": [other]}))
    with pytest.raises(DataError, match=f"'fine_patients' was .*{chosen[1][0]}.* and is now .*{other}"):
        refuse_changes(one, [key("chosen")], output=tmp_path, dataset_dir=data)
    with pytest.raises(DataError, match=r"n1/choice.json: 'split' was .*0\.2.* and is now"):
        choose(tmp_path, data, overrides={**SPLIT, "settings#split#test_fraction": 0.3})


def test_no_run_starts_before_its_patients_are_selected(tmp_path: Path) -> None:
    one = of()
    refuse_changes(one, planned_runs(one), output=tmp_path, dataset_dir=tmp_path)
    with pytest.raises(DataError, match=r"n1/choice.json: is not there; select the patients of 'chosen'"):
        bundle_run(one, key("chosen"), output=tmp_path, dataset_dir=tmp_path)


def test_the_command_selects_before_it_trains(tmp_path: Path, data: Path, monkeypatch: Any) -> None:
    started: list[list[str]] = []

    def run(work: RunWork, keys: list[RunKey], **_: Any) -> list[End]:
        for each in keys:
            overlay = Path(work.run_of(each).folder.root) / "overlay.json"
            started.append(json.loads(overlay.read_text())["fine_patients"])
        return []

    monkeypatch.setattr(benchmark, "run_grid", run)
    methods = [{"name": "chosen", "patients": "select", "n": [2], "overrides": SPLIT}]
    config = write_grid(tmp_path, phantoms=None, dataset_dir=str(data), methods=methods)
    console = Console(file=io.StringIO(), width=200)
    run_benchmark(config, output=tmp_path / "out", console=console)
    assert started == [chosen_patients(tmp_path / "out", key("chosen", 2))]
    assert f"selected for n = 2, seed 0: {', '.join(started[0])}" in console.file.getvalue()  # type: ignore[attr-defined]


# ---- the grid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ({"patients": "choose"}, '\'a\'#patients: "choose" does not fit .*"draw", "select"'),
        ({"patients": "select", "draws": [0, 1]}, r"'a': draws: \[0, 1\] should be \[0\]"),
        ({"patients": "select", "draws": [1]}, r"should be \[0\]"),
        ({"patients": "select", "n": ["all"]}, "'a': n: 'all' leaves nothing to select"),
    ],
)
def test_what_cannot_be_selected_is_refused(tmp_path: Path, method: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_grid(write_grid(tmp_path, methods=[{"name": "a", **method}]))


def test_a_selecting_method_has_one_draw_whatever_the_grid_says(tmp_path: Path) -> None:
    methods = [{"name": "ours"}, {"name": "chosen", "patients": "select"}]
    found = read_grid(write_grid(tmp_path, methods=methods, draws=[3, 4]))
    assert [(run.draw, run.seed) for run in planned_runs(found) if run.method == "chosen"] == [(0, 3), (0, 4)]
    assert found.method("chosen").trains_like(found.method("ours"))
    assert not found.method("chosen").model_copy(update={"overrides": {"epochs": 9}}).trains_like(found.method("ours"))
    nnunet = found.method("chosen").model_copy(update={"nnunet": NnunetOptions(epochs=5)})
    assert not nnunet.trains_like(found.method("ours"))
