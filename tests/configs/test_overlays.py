"""Every overlay names keys that the training configs have, with values that their components take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from cladeseg.segmentation.data import DatalistSettings, SupervisionSampler
from cladeseg.segmentation.data.datalist_settings import resolve_settings
from cladeseg.segmentation.workflow import TrainingWorkflow

REPOSITORY = Path(__file__).parents[2]
TASKS = ("acdc", "brats", "hippocampus")
SUPERCLASS = {"acdc": "heart", "brats": "whole_tumour", "hippocampus": "hippocampus"}
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
#: Their lists have an entry for each level of the network; that they fit each other shows when it is built.
PER_LEVEL = {"filters", "network_options"}
FAIR = {"coarse_patients", "mix", "per_batch"}


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def name_of(file: Path) -> str:
    return file.relative_to(CONFIGS).with_suffix("").as_posix()


def train_of(task: str) -> Path:
    return bundle_of(task) / "configs" / "train.json"


def laid_over(task: str, *overlays: Path) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(train_of(task)), *map(str, overlays)])
    parser.update({"bundle_root": str(bundle_of(task)), "device": "cpu", "label_convention": "any"})
    return parser


def workflow(parser: ConfigParser) -> TrainingWorkflow:
    """The parts that need no data."""
    keys = ("settings", "taxonomy", "network", "run_folder")
    parts = {key: value(parser, key) for key in keys}
    return TrainingWorkflow(device=torch.device("cpu"), training=None, validation=None, max_epochs=1, **parts)


def value(parser: ConfigParser, key: str) -> Any:
    return parser.get_parsed_content(key)


def same_kind(one: Any, other: Any) -> bool:
    """Whether one JSON value can stand where the other stands; a number of patients may be "all"."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(key in other and same_kind(entry, other[key]) for key, entry in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other)
    return type(one) is type(other) or (is_number(one) and is_number(other))


def is_number(entry: Any) -> bool:
    return entry == "all" or (isinstance(entry, int | float) and not isinstance(entry, bool))


def test_the_overlays_of_the_readme_are_there() -> None:
    wanted = {
        *(f"demos/{task}" for task in TASKS),
        *(f"profiles/{task}_{name}" for task in TASKS for name in ("cpu", "gpu")),
        *(f"budgets/{name}" for name in ("1_patients", "2_patients", "3_patients", "7_patients", "full")),
        *(f"ablations/{name}" for name in ("no_prior", "detached_prior", "log_prob_prior", "shared_norm", "no_mix")),
        *(f"ablations/{name}" for name in ("flat", "two_head", "two_head_plain", "fine_only")),
        *(f"ablations/{name}" for name in ("one_way_mix", "soft_mix", "no_transfer", "with_mix", "mix_instead")),
        *(f"ablations/{name}" for name in ("with_prior", "with_norm", "principal_transfer")),
    }
    assert wanted <= set(map(name_of, OVERLAYS))


def pair_name(entry: Any) -> str:
    return name_of(entry) if isinstance(entry, Path) else str(entry)


over_pairs = pytest.mark.parametrize(("file", "task"), PAIRS, ids=pair_name)


@over_pairs
def test_an_overlay_has_only_keys_of_the_training_config(file: Path, task: str) -> None:
    base = read(train_of(task))
    assert [key for key in read(file) if key not in base] == []


@over_pairs
def test_an_overlay_replaces_a_value_by_one_of_its_kind(file: Path, task: str) -> None:
    base = read(train_of(task))
    other = [key for key, entry in read(file).items() if not same_kind(entry, base[key])]
    assert [key for key in other if key not in PER_LEVEL] == []


@pytest.mark.parametrize("file", ABLATIONS, ids=name_of)
def test_an_ablation_changes_every_value_that_it_names_in_some_bundle(file: Path) -> None:
    """In some: the bundles differ in whether they mix or transfer, and a form of the paper has to switch both."""
    bases = [read(train_of(task)) for task in TASKS]
    assert [key for key, entry in read(file).items() if all(entry == base[key] for base in bases)] == []


@pytest.mark.parametrize("task", TASKS)
def test_the_cpu_profile_is_what_a_bundle_comes_with(task: str) -> None:
    base = read(train_of(task))
    profile = read(CONFIGS / "profiles" / f"{task}_cpu.json")
    assert {key: base[key] for key in profile} == profile


@over_pairs
def test_network_loss_and_step_take_the_values(file: Path, task: str) -> None:
    parser = laid_over(task, file)
    parts = workflow(parser)
    sizes = zip(parts.settings.patch_size, parts.network.backbone.divisor, strict=True)
    assert all(size % part == 0 for size, part in sizes)
    assert callable(parts.step)
    assert parts.lr_scheduler.shape == value(parser, "schedule")
    assert all(isinstance(value(parser, key), int) and value(parser, key) > 0 for key in ("epochs", "steps_per_epoch"))
    assert len(parts.settings.spacing) == len(parts.settings.patch_size) == 3


@over_pairs
def test_datalist_and_sampler_take_the_values(file: Path, task: str) -> None:
    parser = laid_over(task, file)
    tree = value(parser, "taxonomy")
    keys = [key for key in DatalistSettings.__dataclass_fields__ if key in parser.config]
    settings = resolve_settings(DatalistSettings(**{key: value(parser, key) for key in keys}), tree)
    assert settings.superclass == SUPERCLASS[task]
    kinds = ["fine"] if value(parser, "coarse_patients") == 0 else ["fine", settings.superclass]
    sampler = SupervisionSampler(kinds, per_batch=value(parser, "per_batch"), steps=1, seed=0)
    # The mix needs both kinds in a batch; without it a batch is as large, so that comparisons are fair.
    assert set(sampler.slots) == {"fine" if kind == "fine" else "coarse" for kind in kinds}


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("no_prior", lambda net, step: net.head.prior == "off"),
        ("detached_prior", lambda net, step: net.head.detach_prior),
        ("log_prob_prior", lambda net, step: net.head.prior == "log_prob"),
        ("shared_norm", lambda net, step: len(net.head.trunks) == 1),
        ("no_mix", lambda net, step: type(step).__name__ == "SupervisedStep"),
        ("flat", lambda net, step: net.head.form == "flat"),
        ("two_head", lambda net, step: type(net.head).__name__ == "TwoHead"),
        ("two_head_plain", lambda net, step: type(step).__name__ == "SupervisedStep"),
        ("fine_only", lambda net, step: type(step).__name__ == "SupervisedStep"),
        ("one_way_mix", lambda net, step: step.mix.direction == "one_way"),
        ("soft_mix", lambda net, step: tuple(step.mix.blend) == (0.5, 1.0)),
    ],
)
def test_an_ablation_reaches_the_component_that_it_switches(name: str, switch: Any) -> None:
    # The one task whose defaults have every part that a step can have.
    default = workflow(laid_over("brats"))
    ablated = workflow(laid_over("brats", CONFIGS / "ablations" / f"{name}.json"))
    assert not switch(default.network, default.step)
    assert switch(ablated.network, ablated.step)


@pytest.mark.parametrize("task", TASKS)
def test_the_demo_compares_label_use_and_nothing_else(task: str) -> None:
    ours, alone = read(CONFIGS / "demos" / f"{task}.json"), read(CONFIGS / "ablations" / "fine_only.json")
    assert set(alone) == FAIR
    assert sum(alone["per_batch"].values()) == sum(ours["per_batch"].values())
    assert (alone["coarse_patients"], alone["mix"], set(alone["per_batch"])) == (0, False, {"fine"})


@pytest.mark.parametrize("budget", ["1_patients", "7_patients", "full"])
def test_a_budget_does_not_touch_the_network(budget: str) -> None:
    assert set(read(CONFIGS / "budgets" / f"{budget}.json")) <= {"fine_patients", *FAIR}


@pytest.mark.parametrize("file", OVERLAYS, ids=name_of)
def test_batches_are_of_one_size_whatever_they_are_filled_with(file: Path) -> None:
    """Else an ablation would be compared with a training that sees more in each step."""
    per_batch = read(file).get("per_batch", {})
    assert sum(number for kind, number in per_batch.items() if kind != "unlabelled") in (0, 4)
