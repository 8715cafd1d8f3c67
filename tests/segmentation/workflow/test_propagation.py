"""Who gets propagated labels: coarse cases of our own methods, from the finely labelled ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cladeseg.bundle.settings import read_settings
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data import cached_dataset as cache
from cladeseg.segmentation.workflow import TrainingSettings
from cladeseg.segmentation.workflow.propagation import MAX_ATLASES, labels_of, region_labels, with_propagated_labels
from cladeseg.segmentation.workflow.two_passes import with_overview
from cladeseg.taxonomy import Taxonomy

LENGTH = 20


def settings(method: str = "supervised", enabled: bool = True) -> TrainingSettings:
    return read_settings(TrainingSettings, {"method": method, "propagation": {"enabled": enabled, "sigma": 0.0}})


class Loads:
    """Stands for the preprocessing: a heart of two parts, as far as the case's supervision shows it."""

    def __init__(self, tree: Taxonomy) -> None:
        self.tree = tree
        self.seen: list[str] = []

    def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
        if case["case"] == "broken":
            raise DataError("broken.nii.gz: is truncated")
        self.seen.append(case["case"])
        nodes = torch.full((1, LENGTH, 4, 4), self.tree.index("left_ventricle"), dtype=torch.uint8)
        nodes[0, LENGTH // 2 :] = self.tree.index("right_ventricle")
        return {**case, "nodes": self.tree.collapse_table(case["supervision"])[nodes.long()].to(torch.uint8)}


def cases(**supervisions: str) -> list[dict[str, Any]]:
    return [{"case": name, "supervision": kind, "image": "none"} for name, kind in supervisions.items()]


@pytest.fixture(autouse=True)
def _no_image_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache only wants a volume's size for its estimate."""
    monkeypatch.setattr(cache, "_case_bytes", lambda image, spacing, axis_order: 0)


def test_a_coarse_case_is_divided_as_the_fine_one_is(acdc_tree: Taxonomy) -> None:
    given = cases(a="fine", b="heart")
    load = with_propagated_labels(Loads(acdc_tree), given, acdc_tree, settings())
    fine, coarse = (load(dict(case)) for case in given)
    assert torch.equal(coarse["propagated"], fine["nodes"])
    assert (coarse["nodes"] == acdc_tree.index("heart")).all(), "what is known stays apart from what is propagated"
    assert torch.equal(fine["propagated"], fine["nodes"])


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (cases(a="fine", b="heart"), {"enabled": False}),
        (cases(a="fine", b="heart"), {"method": "bcp"}),
        (cases(a="fine"), {}),
        (cases(b="heart"), {}),
    ],
    ids=["off", "a baseline", "no coarse case", "no fine case"],
)
def test_nothing_is_propagated_without_need(
    acdc_tree: Taxonomy, given: list[dict[str, Any]], changed: dict[str, Any]
) -> None:
    loads = Loads(acdc_tree)
    assert with_propagated_labels(loads, given, acdc_tree, settings(**changed)) is loads
    assert loads.seen == []


def test_only_so_many_fine_cases_are_looked_at(acdc_tree: Taxonomy) -> None:
    loads = Loads(acdc_tree)
    many = {f"fine{i}": "fine" for i in range(MAX_ATLASES + 5)}
    with_propagated_labels(loads, cases(**many, b="heart"), acdc_tree, settings())
    assert len(loads.seen) == MAX_ATLASES


def test_a_broken_fine_case_is_named(acdc_tree: Taxonomy) -> None:
    with pytest.raises(DataError, match=r"broken: broken\.nii\.gz: is truncated"):
        with_propagated_labels(Loads(acdc_tree), cases(broken="fine", b="heart"), acdc_tree, settings())


# ---- intensity is decided by the fine cases --------------------------------------------------------------------------


def fine_case(tree: Taxonomy, border: int, *, seed: int, contrast: float) -> dict[str, Any]:
    """A heart whose parts meet at ``border``, seen with some contrast and noise."""
    nodes = torch.full((1, LENGTH, 8, 6), tree.index("right_ventricle"), dtype=torch.uint8)
    nodes[:, :border] = tree.index("left_ventricle")
    noise = torch.randn(nodes.shape, generator=torch.Generator().manual_seed(seed))
    return {"image": contrast * (nodes == tree.index("left_ventricle")) + noise, "nodes": nodes}


def with_intensity(**options: Any) -> TrainingSettings:
    return read_settings(TrainingSettings, {"propagation": {"enabled": True, "intensity": True, **options}})


def test_intensity_is_kept_where_it_finds_borders_that_place_misses(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    fine = [fine_case(acdc_tree, border, seed=border, contrast=8.0) for border in (6, 14)]
    labels = region_labels(fine, ["p1", "p2"], acdc_tree, with_intensity(), record=tmp_path / "intensity.json")
    assert labels.intensity is not None
    recorded = read_json(tmp_path / "intensity.json")
    assert recorded["intensity"] is True
    assert recorded["left_out_dice"]["with_intensity"] > recorded["left_out_dice"]["without"] + 0.05


def test_intensity_is_dropped_where_it_misleads(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    # What is bright in one patient is dark in the other; place is right.
    fine = [fine_case(acdc_tree, 10, seed=i, contrast=contrast) for i, contrast in enumerate((2.0, -2.0))]
    labels = region_labels(fine, ["p1", "p2"], acdc_tree, with_intensity(), record=tmp_path / "intensity.json")
    assert labels.intensity is None
    assert read_json(tmp_path / "intensity.json")["intensity"] is False


def test_two_images_of_one_patient_do_not_judge_each_other(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    fine = [fine_case(acdc_tree, 10, seed=i, contrast=contrast) for i, contrast in enumerate((2.0, -2.0))]
    labels = region_labels(fine, ["p1", "p1"], acdc_tree, with_intensity(), record=tmp_path / "intensity.json")
    assert labels.intensity is not None
    assert read_json(tmp_path / "intensity.json")["left_out_dice"] is None


def test_a_data_set_says_what_labels_it(acdc_tree: Taxonomy) -> None:
    given = cases(a="fine", b="heart")
    for enabled in (False, True):
        load = with_propagated_labels(Loads(acdc_tree), given, acdc_tree, settings(enabled=enabled))
        dataset = cache.CachedDataset(given, load, spacing=(1, 1, 1), progress=False)
        assert (labels_of(dataset) is not None) is enabled


def test_a_data_set_for_two_passes_says_so_too(acdc_tree: Taxonomy) -> None:
    given = cases(a="fine", b="heart")
    two = read_settings(TrainingSettings, {"propagation": {"enabled": True}, "first_pass": {"enabled": True}})
    load = with_overview(with_propagated_labels(Loads(acdc_tree), given, acdc_tree, two), acdc_tree, two)
    assert labels_of(cache.CachedDataset([], load, spacing=(1, 1, 1), progress=False)) is not None
