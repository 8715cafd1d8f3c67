"""A training as its config describes it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cladeseg.bundle.settings import SettingsError
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.workflow import TrainingPlan, bundle_plan
from cladeseg.segmentation.workflow.plan import checked_settings, mask_label_convention, settings_with
from cladeseg.taxonomy import TaxonomyError

BUNDLES = Path(__file__).parents[3] / "bundles"
ACDC, BRATS = (BUNDLES / f"{task}_subclass_segmentation" for task in ("acdc", "brats"))


@pytest.fixture
def brats(tmp_path: Path) -> Path:
    """A copy of the BraTS bundle's configs, whose masks are written as BraTS 2023 does."""
    return Path(shutil.copytree(BRATS / "configs", tmp_path / "bundle" / "configs")).parent


def plan(root: Path = ACDC, **settings: Any) -> TrainingPlan:
    return TrainingPlan(settings=settings, bundle_root=root)


@pytest.fixture
def _inside_monai_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", "/somewhere/app")


def test_a_plan_reads_and_writes_nothing_before_somebody_asks(tmp_path: Path) -> None:
    plan = TrainingPlan(
        settings={}, bundle_root=ACDC, dataset_dir=tmp_path / "nowhere", output_dir=tmp_path / "R", seed=4
    )
    assert (plan.settings.seed, plan.settings.epochs) == (4, 30)
    assert list(tmp_path.iterdir()) == []


def test_kernels_and_strides_follow_from_spacing_patch_and_levels() -> None:
    data = {"patch_size": [112, 112, 8], "spacing": [3.0, 3.0, 10.0]}
    network = plan(data=data, network={"filters": 8}).network
    assert network["filters"] == [8, 16, 32, 64]
    assert network["kernels"] == [[3, 3, 1], [3, 3, 1], [3, 3, 3], [3, 3, 3]]
    assert network["strides"] == [[1, 1, 1], [2, 2, 1], [2, 2, 1], [2, 2, 2]]


def test_a_unet_has_one_kernel_for_all_levels() -> None:
    data = {"patch_size": [112, 112, 8], "spacing": [3.0, 3.0, 10.0]}
    kernels = plan(data=data, network={"backbone": "unet"}).network["kernels"]
    assert kernels == [[3, 3, 3]] * 4


def test_slices_keep_their_distance_where_the_settings_say_so() -> None:
    data = {"spacing": [3.0, 3.0, 10.0]}
    assert plan(data=data).inference["spacing"] == [3.0, 3.0, 10.0]
    assert plan(data={**data, "resample_slices": False}).inference["spacing"] == [3.0, 3.0, -1.0]


@pytest.mark.parametrize("key", ["seed", "epochs", "fine_patients", "amp"])
def test_a_setting_of_the_top_level_is_not_taken_from_below(key: str) -> None:
    with pytest.raises(SettingsError, match=rf"^settings#{key}: is a key of the config's top level; write --{key}"):
        checked_settings({key: 1}, {})


@pytest.mark.parametrize("group", ["augmentation", "pseudo_label"])
def test_a_flip_that_the_tree_does_not_allow_is_refused_before_anything_is_read(brats: Path, group: str) -> None:
    plan(brats, **{group: {"flips": ["left-right"]}})
    plan(brats, **{group: {"flips": []}})
    with pytest.raises(TaxonomyError, match=rf"^settings#{group}#flips: taxonomy 'brats': posterior-anterior flips"):
        plan(brats, **{group: {"flips": ["posterior-anterior"]}})


def test_an_axis_order_that_is_none_is_refused_by_its_key() -> None:
    assert plan(data={"axis_order": "stored"}).inference["axis_order"] == "stored"
    with pytest.raises(SettingsError, match=r"^settings#data#axis_order: 'RAX' is no axis order; write one letter"):
        plan(data={"axis_order": "RAX"})


# ---- overlays and command lines --------------------------------------------------------------------------------------


def test_overrides_are_written_as_monai_writes_them() -> None:
    found = settings_with(ACDC, {"settings#mix#weight": 0.5, "seed": 7, "device": "cpu", "settings#method": "bcp"})
    assert (found.mix.weight, found.seed, found.method) == (0.5, 7, "bcp")
    assert found.propagation == bundle_plan(ACDC).settings.propagation


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"settings#mix#wieght": 1}, "settings#mix#wieght: there is no such setting; did you mean settings#mix#weight"),
        ({"settings#mxi#weight": 1}, "settings#mxi: there is no such setting; did you mean settings#mix"),
        ({"settings#mix#weight": "a lot"}, 'settings#mix#weight: "a lot" does not fit .*; expected number ≥ 0'),
        (
            {"settings#augmentation#enabled": "false"},
            'settings#augmentation#enabled: "false" .* expected true or false',
        ),
        ({"epoch": 3}, "epoch: the bundle's train.json has no key 'epoch'; did you mean 'epochs'"),
        ({"mix_weight": 3}, "mix_weight: .* did you mean 'settings#mix#weight'"),
        ({"epochs": 0}, "settings#epochs: 0 does not fit"),
        ({"settings#method#kind": 1}, 'settings#method: {"kind": 1} does not fit'),
    ],
)
def test_an_override_that_does_not_exist_or_fit_is_refused_with_the_nearest(
    override: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_with(ACDC, override)


# ---- promotion -------------------------------------------------------------------------------------------------------


def test_nothing_is_promoted_unless_asked(brats: Path) -> None:
    asked = TrainingPlan(settings={}, bundle_root=brats, promote=True)
    assert (plan(brats).promote, asked.promote) == (False, True)
    configs = sorted(BUNDLES.glob("*_subclass_segmentation/configs/train.json"))
    assert len(configs) >= 3
    assert not any(read_json(config)["promote"] for config in configs)


@pytest.mark.usefixtures("_inside_monai_label")
def test_trainings_of_monai_label_are_promoted(brats: Path) -> None:
    assert plan(brats).promote is True


# ---- label conventions -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_inside_monai_label")
def test_labels_from_monai_label_are_read_as_the_masks_are_written(brats: Path) -> None:
    assert plan(brats, data={"layout": "brats"}).label_convention == "brats23"


@pytest.mark.usefixtures("_inside_monai_label")
def test_a_named_label_convention_counts_everywhere(brats: Path) -> None:
    assert plan(brats, data={"layout": "brats", "label_convention": "brats18"}).label_convention == "brats18"


def test_an_inference_config_without_label_convention_is_named(brats: Path) -> None:
    write_json({}, brats / "configs" / "inference.json")
    with pytest.raises(DataError, match=r"inference\.json: needs the key 'label_convention'"):
        mask_label_convention(brats)
