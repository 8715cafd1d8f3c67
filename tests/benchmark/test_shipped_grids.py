"""The grids in configs/benchmarks: readable, complete and fair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from grids import REPOSITORY

from cladeseg.benchmark import Grid, read_grid
from cladeseg.benchmark.runs import RunKey, planned_runs, pretraining_of, settings_of
from cladeseg.bundle.settings import flat
from cladeseg.segmentation.workflow.plan import settings_with

GRIDS = sorted((REPOSITORY / "configs" / "benchmarks").glob("*.json"))
MAIN = {"full", "fine_only", "two_heads", "paper", "bcp", "ours"}
#: What may differ between methods: which labels are seen, and the method itself.
OWN = {"fine_patients", "coarse_patients", "method", "optimizer.ema_decay"}
OWN |= {f"network.{name}" for name in ("head", "prior", "separate_norm")}
OWN_GROUPS = ("baseline.", "batch.", "propagation.", "mix.", "first_pass.")

of_each_grid = pytest.mark.parametrize("file", GRIDS, ids=lambda file: file.stem)


def named(name: str) -> Grid:
    return read_grid(REPOSITORY / "configs" / "benchmarks" / f"{name}.json")


def trained(grid: Grid, key: RunKey) -> dict[str, Any]:
    """All settings of a run by their full names."""
    return flat(settings_with(grid.bundle, settings_of(grid, key)).model_dump(mode="json"))


def draws(grid: Grid, method: str, n: int) -> int:
    return len({run.draw for run in planned_runs(grid) if (run.method, run.n) == (method, n)})


@of_each_grid
def test_a_grid_can_be_read_and_planned(file: Path) -> None:
    grid = read_grid(file)
    assert grid.name == file.stem
    assert planned_runs(grid)


@of_each_grid
def test_methods_share_backbone_schedule_batch_and_steps(file: Path) -> None:
    grid = read_grid(file)
    ours = trained(grid, next(key for key in planned_runs(grid) if key.method == grid.ours))
    # While a form of ours is chosen, its grid may be finer where the second of two passes needs fewer voxels.
    chosen = {"data.spacing", "data.patch_size"} if grid.split == "validation" else set()
    for key in planned_runs(grid):
        settings = trained(grid, key)
        longer = {"epochs"} if key.method == "full_long" else set()
        differ = {name for name in settings.keys() | ours.keys() if settings.get(name) != ours.get(name)}
        assert {name for name in differ if not name.startswith(OWN_GROUPS)} <= OWN | longer | chosen, key.name
        whole = settings["batch.fine"] + settings["batch.coarse"] == ours["batch.fine"] + ours["batch.coarse"]
        assert whole or settings["batch.fine"] == ours["batch.fine"], "as many images, or as many finely labelled ones"


@of_each_grid
def test_no_two_methods_of_a_grid_are_the_same_training(file: Path) -> None:
    """Else an ablation that a bundle's defaults have overtaken would stand in the table as one more form of ours."""
    grid = read_grid(file)
    trainings: dict[str, str] = {}
    for method in grid.methods:
        key = next(run for run in planned_runs(grid) if run.method == method.name)
        start = pretraining_of(grid, key)
        training = json.dumps([trained(grid, key), method.patients, start], sort_keys=True)
        assert trainings.setdefault(training, method.name) == method.name


def test_every_method_and_ablation_stands_at_one_fine_patient_and_the_main_ones_over_five_draws() -> None:
    grid = named("hippocampus_n1")
    semi = {"mean_teacher", "cps", "unimatch"}
    ablations = {"flat", "no_transfer", "with_norm", "prior_averaged", "mix"}
    # Of the earlier forms of ours: what the README's table of parts compares.
    earlier = {"norm_flat", "norm_no_transfer", "norm_prior", "norm_averaged", "parts", "parts_flat", "parts_mix"}
    assert set(grid.ablations) == ablations | earlier
    assert set(grid.labels) == MAIN | semi | {"full_long", "label_set", "ours_select", *grid.ablations}
    assert all(draws(grid, method, 1) >= 3 for method in semi | ablations | earlier)
    assert all(draws(grid, method, 1) >= 5 for method in (MAIN - {"full"}) | {"label_set", "with_norm", "parts"})


def test_the_curve_and_the_other_tasks_hold_the_main_methods() -> None:
    curve = named("hippocampus_curve")
    assert set(curve.labels) == MAIN | {"label_set", "ours_select"}
    assert all(draws(curve, method, n) >= 3 for method in MAIN - {"full"} for n in (1, 2, 4))
    brats = named("brats_2_4")
    assert set(brats.labels) >= MAIN
    assert {run.n for run in planned_runs(brats) if run.method == "ours"} == {2, 4}
    acdc = named("acdc")
    assert set(acdc.labels) >= {"full", "fine_only", "outlines_two_head", "paper", "bcp", acdc.ours}
    assert all(draws(acdc, method, n) >= 3 for method in ("fine_only", "bcp", acdc.ours) for n in (1, 3))


def test_the_acdc_bundle_is_trained_as_its_grid_trains_ours() -> None:
    grid = named("acdc")
    run = next(key for key in planned_runs(grid) if key.method == grid.ours)
    default = flat(settings_with(grid.bundle, {}).model_dump(mode="json"))
    differ = {name for name, value in trained(grid, run).items() if default[name] != value}
    assert differ <= {"fine_patients", "seed", "amp", "optimizer.validation_interval"}


def test_methods_are_chosen_on_validation_cases_and_other_draws() -> None:
    choice, tested = named("hippocampus_choice"), (named("hippocampus_n1"), named("hippocampus_curve"))
    assert choice.split == "validation"
    assert {grid.split for grid in tested} == {"test"}
    drawn = {run.draw for grid in tested for run in planned_runs(grid)}
    assert drawn.isdisjoint(run.draw for run in planned_runs(choice) if run.n != "all")


def test_grids_of_one_task_share_their_runs() -> None:
    """The same point has the same settings, so that one output folder serves both."""
    one, other = named("hippocampus_n1"), named("hippocampus_curve")
    common = set(planned_runs(one)) & set(planned_runs(other))
    assert len(common) > 15
    assert all(settings_of(one, run) == settings_of(other, run) for run in common)
