"""Who gets propagated labels: coarse cases of our own methods, from the finely labelled ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cladeseg.bundle.settings import read_settings
from cladeseg.files import DataError
from cladeseg.segmentation.data import cached_dataset as cache
from cladeseg.segmentation.workflow import TrainingSettings
from cladeseg.segmentation.workflow.training import MAX_ATLASES, with_propagated_labels
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
