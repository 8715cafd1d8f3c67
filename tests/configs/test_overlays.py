"""Every overlay names keys that the bundle's training config has, with values that its components take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from cladeseg.data import DatalistSettings, SupervisionSampler
from cladeseg.data.datalist_settings import resolve_settings
from cladeseg.taxonomy import Taxonomy, load_taxonomy

REPOSITORY = Path(__file__).parents[2]
BUNDLE = REPOSITORY / "bundles" / "acdc_subclass_segmentation"
TRAIN = BUNDLE / "configs" / "train.json"
CONFIGS = REPOSITORY / "configs"
OVERLAYS = sorted(CONFIGS.rglob("*.json"))
ABLATIONS = sorted((CONFIGS / "ablations").glob("*.json"))
FAIR = {"coarse_patients", "mix", "per_batch"}


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def name_of(file: Path) -> str:
    return file.relative_to(CONFIGS).with_suffix("").as_posix()


def laid_over(*overlays: Path) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(TRAIN), *map(str, overlays)])
    parser.update({"bundle_root": str(BUNDLE), "device": "cpu"})
    return parser


def value(parser: ConfigParser, key: str) -> Any:
    return parser.get_parsed_content(key)


@pytest.fixture(scope="module")
def tree() -> Taxonomy:
    return load_taxonomy(BUNDLE / "configs" / "taxonomy.json")


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
        "demo",
        *(f"profiles/{name}" for name in ("cpu", "gpu")),
        *(f"budgets/{name}" for name in ("1_patients", "2_patients", "3_patients", "7_patients", "full")),
        *(f"ablations/{name}" for name in ("no_prior", "detached_prior", "log_prob_prior", "shared_norm", "no_mix")),
        *(f"ablations/{name}" for name in ("flat", "two_head", "two_head_plain", "fine_only")),
        *(f"ablations/{name}" for name in ("one_way_mix", "soft_mix")),
    }
    assert wanted <= set(map(name_of, OVERLAYS))


@pytest.mark.parametrize("file", OVERLAYS, ids=name_of)
def test_an_overlay_has_only_keys_of_the_training_config(file: Path) -> None:
    base = read(TRAIN)
    assert [key for key in read(file) if key not in base] == []


@pytest.mark.parametrize("file", OVERLAYS, ids=name_of)
def test_an_overlay_replaces_a_value_by_one_of_its_kind(file: Path) -> None:
    base = read(TRAIN)
    assert [key for key, entry in read(file).items() if not same_kind(entry, base[key])] == []


@pytest.mark.parametrize("file", ABLATIONS, ids=name_of)
def test_an_ablation_changes_every_value_that_it_names(file: Path) -> None:
    base = read(TRAIN)
    assert [key for key, entry in read(file).items() if entry == base[key]] == []


@pytest.mark.parametrize("file", OVERLAYS, ids=name_of)
def test_network_loss_and_step_take_the_values(file: Path) -> None:
    parser = laid_over(file)
    network = value(parser, "network_def")
    assert all(
        size % part == 0 for size, part in zip(value(parser, "patch_size"), network.backbone.divisor, strict=True)
    )
    value(parser, "step")
    assert value(parser, "lr_scheduler").shape == value(parser, "schedule")
    assert all(isinstance(value(parser, key), int) and value(parser, key) > 0 for key in ("epochs", "steps_per_epoch"))
    assert len(value(parser, "spacing")) == len(value(parser, "patch_size")) == 3


@pytest.mark.parametrize("file", OVERLAYS, ids=name_of)
def test_datalist_and_sampler_take_the_values(file: Path, tree: Taxonomy) -> None:
    parser = laid_over(file)
    keys = [key for key in DatalistSettings.__dataclass_fields__ if key in parser.config]
    assert resolve_settings(DatalistSettings(**{key: value(parser, key) for key in keys}), tree).superclass == "heart"
    kinds = ["leaf"] if value(parser, "coarse_patients") == 0 else ["leaf", "heart"]
    sampler = SupervisionSampler(kinds, per_batch=value(parser, "per_batch"), steps=1, seed=0)
    # The mix needs both kinds in a batch; without it a batch is as large, so that comparisons are fair.
    assert set(sampler.slots) == {"leaf" if kind == "leaf" else "coarse" for kind in kinds}


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
    default, ablated = laid_over(), laid_over(CONFIGS / "ablations" / f"{name}.json")
    assert not switch(value(default, "network_def"), value(default, "step"))
    assert switch(value(ablated, "network_def"), value(ablated, "step"))


def test_the_demo_compares_label_use_and_nothing_else() -> None:
    ours, alone = read(CONFIGS / "demo.json"), read(CONFIGS / "ablations" / "fine_only.json")
    assert set(alone) == FAIR
    assert sum(alone["per_batch"].values()) == sum(ours["per_batch"].values())
    assert (alone["coarse_patients"], alone["mix"], set(alone["per_batch"])) == (0, False, {"leaf"})


@pytest.mark.parametrize("budget", ["1_patients", "7_patients", "full"])
def test_a_budget_does_not_touch_the_network(budget: str) -> None:
    assert set(read(CONFIGS / "budgets" / f"{budget}.json")) <= {"fine_patients", *FAIR}
