"""Every overlay names keys that the training configs have, with values that their components take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from cladeseg.bundle.settings import flat
from cladeseg.segmentation.data import DatalistSettings, SupervisionSampler
from cladeseg.segmentation.data.datalist_settings import resolve_settings
from cladeseg.segmentation.networks import passes_of
from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow

REPOSITORY = Path(__file__).parents[2]
TASKS = ("acdc", "brats", "hippocampus", "myops")
SUPERCLASS = {"acdc": "heart", "brats": "whole_tumour", "hippocampus": "hippocampus", "myops": "heart"}
CONFIGS = REPOSITORY / "configs"
#: Grids are no overlays: tests/benchmark/test_shipped_grids.py looks at them.
OVERLAYS = sorted(file for file in CONFIGS.rglob("*.json") if file.parent.name != "benchmarks")
ABLATIONS = sorted((CONFIGS / "ablations").glob("*.json"))


def bundle_of(task: str) -> Path:
    return REPOSITORY / "bundles" / f"{task}_subclass_segmentation"


def tasks_of(overlay: Path) -> tuple[str, ...]:
    """A profile and the demo belong to one task; budgets and ablations to every one."""
    return (overlay.stem.split("_")[0],) if overlay.parent.name in ("profiles", "demos") else TASKS


#: (overlay, task) of every pair that belongs together.
PAIRS = [(overlay, task) for overlay in OVERLAYS for task in tasks_of(overlay)]
BATCH = {f"settings#batch#{kind}" for kind in ("fine", "coarse", "unlabelled")}
FAIR = {"coarse_patients", "settings#method", *BATCH}


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def name_of(file: Path) -> str:
    return file.relative_to(CONFIGS).with_suffix("").as_posix()


def laid_over(task: str, *overlays: Path) -> ConfigParser:
    """As MONAI reads several configs."""
    parser = ConfigParser()
    parser.config = ConfigParser.load_config_files([str(bundle_of(task) / "configs/train.json"), *map(str, overlays)])
    parser.update({"bundle_root": str(bundle_of(task)), "device": "cpu"})
    return parser


def plan_of(task: str, *overlays: Path) -> TrainingPlan:
    return laid_over(task, *overlays).get_parsed_content("plan")


def workflow(task: str, *overlays: Path) -> TrainingWorkflow:
    """The parts that need no data."""
    parser = laid_over(task, *overlays)
    parts = {key: parser.get_parsed_content(key) for key in ("plan", "network")}
    return TrainingWorkflow(training=None, validation=None, max_epochs=1, **parts)


def test_the_overlays_of_the_readme_are_there() -> None:
    wanted = {
        *(f"demos/{task}" for task in TASKS),
        *(f"profiles/{task}_gpu" for task in TASKS),
        "profiles/acdc_one_pass",
        "profiles/myops_two_passes",
        *(f"budgets/{name}" for name in ("1_patients", "2_patients", "3_patients", "7_patients", "full")),
        *(f"ablations/{name}" for name in ("no_prior", "shared_norm", "no_mix", "flat", "two_head", "two_head_plain")),
        *(f"ablations/{name}" for name in ("fine_only", "one_way_mix", "soft_mix", "no_propagation", "with_mix")),
        *(f"ablations/{name}" for name in ("mix_instead", "with_prior", "with_norm", "principal_propagation")),
    }
    assert wanted <= set(map(name_of, OVERLAYS))


def pair_name(entry: Any) -> str:
    return name_of(entry) if isinstance(entry, Path) else str(entry)


over_pairs = pytest.mark.parametrize(("file", "task"), PAIRS, ids=pair_name)


@over_pairs
def test_an_overlay_has_only_keys_of_the_training_config(file: Path, task: str) -> None:
    """A misspelt setting is refused by the plan, a misspelt top-level key by nobody."""
    base = read(bundle_of(task) / "configs" / "train.json")
    assert [key for key in read(file) if key.split("#")[0] not in base] == []
    assert plan_of(task, file).settings


@pytest.mark.parametrize("file", [f for f in OVERLAYS if f.parent.name in ("profiles", "demos")], ids=name_of)
def test_a_profile_says_only_what_differs_from_its_bundle(file: Path) -> None:
    (task,) = tasks_of(file)
    base = flat(plan_of(task).settings.model_dump(mode="json"))
    names = {key: key.removeprefix("settings#").replace("#", ".") for key in read(file)}
    unchanged = [key for key, entry in read(file).items() if base[names[key]] == entry]
    assert [key for key in unchanged if key not in ("fine_patients", "coarse_patients", "epochs")] == []


@pytest.mark.parametrize("file", ABLATIONS, ids=name_of)
def test_an_ablation_changes_every_value_that_it_names_in_some_bundle(file: Path) -> None:
    """In some: the bundles differ in whether they mix or propagate, and a form of the paper has to switch both."""
    bases = [flat(plan_of(task).settings.model_dump(mode="json")) for task in TASKS]
    names = {key: key.removeprefix("settings#").replace("#", ".") for key in read(file)}
    assert [key for key, entry in read(file).items() if all(base[names[key]] == entry for base in bases)] == []


@over_pairs
def test_network_loss_and_step_take_the_values(file: Path, task: str) -> None:
    parts = workflow(task, file)
    patches = (parts.settings.first_pass.patch_size, parts.settings.data.patch_size)
    networks = passes_of(parts.network)
    for network, patch in zip(networks, patches[-len(networks) :], strict=True):
        assert all(size % part == 0 for size, part in zip(patch, network.backbone.divisor, strict=True))
    assert callable(parts.step)
    assert parts.lr_scheduler.shape == parts.settings.optimizer.schedule


@over_pairs
def test_datalist_and_sampler_take_the_values(file: Path, task: str) -> None:
    plan = plan_of(task, file)
    s = plan.settings
    wanted = {"fine_patients": s.fine_patients, "coarse_patients": s.coarse_patients, **s.split.model_dump()}
    settings = resolve_settings(DatalistSettings(label_convention="any", **wanted), plan.taxonomy)
    assert settings.superclass == SUPERCLASS[task]
    kinds = ["fine"] if s.coarse_patients == 0 else ["fine", settings.superclass]
    sampler = SupervisionSampler(kinds, per_batch=s.batch.per_batch, steps=1, seed=0)
    # The mix needs both kinds in a batch; without it a batch is as large, so that comparisons are fair.
    assert set(sampler.slots) == {"fine" if kind == "fine" else "coarse" for kind in kinds}


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("no_prior", lambda parts: not parts.settings.network.prior),
        ("shared_norm", lambda parts: len(parts.network.head.trunks) == 1),
        ("no_mix", lambda parts: type(parts.step).__name__ == "SupervisedStep"),
        ("flat", lambda parts: parts.network.head.form == "flat"),
        ("two_head", lambda parts: type(parts.network.head).__name__ == "TwoHead"),
        ("two_head_plain", lambda parts: type(parts.step).__name__ == "SupervisedStep"),
        ("fine_only", lambda parts: type(parts.step).__name__ == "SupervisedStep"),
        ("one_way_mix", lambda parts: parts.step.mixer.mix.direction == "one_way"),
        ("soft_mix", lambda parts: parts.settings.mix.alpha_range == (0.5, 1.0)),
    ],
)
def test_an_ablation_reaches_the_component_that_it_switches(name: str, switch: Any) -> None:
    # The one task whose defaults have every part that a step can have.
    assert not switch(workflow("brats"))
    assert switch(workflow("brats", CONFIGS / "ablations" / f"{name}.json"))


@pytest.mark.parametrize("task", TASKS)
def test_the_demo_compares_label_use_and_nothing_else(task: str) -> None:
    alone = CONFIGS / "ablations" / "fine_only.json"
    assert set(read(alone)) == FAIR
    demo = CONFIGS / "demos" / f"{task}.json"
    ours, theirs = plan_of(task, demo).settings, plan_of(task, demo, alone).settings
    assert sum(ours.batch.per_batch.values()) == sum(theirs.batch.per_batch.values()) == theirs.batch.fine
    assert (theirs.coarse_patients, theirs.method) == (0, "supervised")


@pytest.mark.parametrize("budget", ["1_patients", "7_patients", "full"])
def test_a_budget_does_not_touch_the_network(budget: str) -> None:
    assert set(read(CONFIGS / "budgets" / f"{budget}.json")) <= {"fine_patients", *FAIR}


@over_pairs
def test_batches_are_of_one_size_whatever_they_are_filled_with(file: Path, task: str) -> None:
    """Else an ablation would be compared with a training that sees more in each step."""
    batch = plan_of(task, file).settings.batch
    assert batch.fine + batch.coarse == 4
