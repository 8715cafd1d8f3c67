"""Scores on the cases' own grids, from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from cladeseg.segmentation.engines import Evaluation, evaluate, score_case
from cladeseg.segmentation.metrics import Record
from cladeseg.taxonomy import LabelValueError

AFFINE = np.diag([-1.5, 2.0, 8.0, 1.0])


def save(voxels: np.ndarray, path: Path) -> Path:
    nib.save(nib.Nifti1Image(voxels, AFFINE), path)
    return path


def label() -> np.ndarray:
    voxels = np.zeros((8, 7, 4), np.uint8)
    voxels[2:6, 2:5, 1:3] = 2
    voxels[3:5, 3, 1:3] = 3
    voxels[1, 2:5, 1:3] = 1
    return voxels


@pytest.fixture
def cases(tmp_path) -> list[dict[str, Any]]:
    made = []
    for name in ("p1_a", "p1_b", "p2_a"):
        image = np.random.default_rng(len(made)).normal(size=label().shape).astype(np.float32)
        paths = {"image": save(image, tmp_path / f"{name}.nii"), "label": save(label(), tmp_path / f"{name}_gt.nii")}
        made.append({"case": name, "patient": name[:2], **{key: str(path) for key, path in paths.items()}})
    return made


class Answer:
    """Stands in for a predictor: what is known of an image is changed a little."""

    def __init__(self, change: Any = lambda voxels: voxels) -> None:
        self.change = change

    def __call__(self, image: str) -> torch.Tensor:
        voxels = nib.load(image.replace(".nii", "_gt.nii")).get_fdata()
        return torch.from_numpy(self.change(voxels).astype(np.uint8).copy())[None]


def values(records: list[Record], metric: str, node: str | None = None) -> list[float | None]:
    return [record.value for record in records if record.metric == metric and node in (None, record.node)]


def test_a_perfect_predictor_has_dice_1_and_no_distance_everywhere(cases, acdc_tree):
    result = evaluate(Answer(), cases, acdc_tree, "acdc", progress=False)
    assert len(values(result.records, "dice")) == 3 * 5
    assert {record.node for record in result.records} == set(acdc_tree.names[1:-1])
    for metric, best in {"dice": 1, "iou": 1, "hd95_mm": 0, "assd_mm": 0, "nsd": 1}.items():
        assert set(values(result.records, metric)) == {best}
    assert {record.value for record in result.hierarchy} == {1}
    assert result.nesting_violations == 0
    assert result.patients == {"p1_a": "p1", "p1_b": "p1", "p2_a": "p2"}


def test_distances_are_in_millimetres_of_the_labels_affine(cases, acdc_tree):
    """Everything one voxel further along z, which is 8 mm."""
    result = evaluate(Answer(lambda v: np.roll(v, 1, axis=2)), cases[:1], acdc_tree, "acdc", progress=False)
    assert values(result.records, "dice", "heart") == [0.5]
    assert values(result.records, "hd95_mm", "heart") == [8.0]
    assert values(result.records, "nsd", "heart")[0] < 1


def test_the_tolerance_decides_about_surface_agreement(cases, acdc_tree):
    shifted = Answer(lambda v: np.roll(v, 1, axis=2))
    result = evaluate(shifted, cases[:1], acdc_tree, "acdc", tolerance_mm=8.0, progress=False)
    assert values(result.records, "nsd", "heart") == [1.0]


def test_confused_leaves_are_right_as_the_superclass(cases, acdc_tree):
    swapped = Answer(lambda v: np.select([v == 2, v == 3], [3, 2], v))
    result = evaluate(swapped, cases[:1], acdc_tree, "acdc", progress=False)
    assert values(result.records, "dice", "myocardium") == [0]
    assert values(result.records, "dice", "left_heart") == [1]


def test_a_missed_structure_has_no_distance(cases, acdc_tree):
    result = evaluate(Answer(lambda v: np.where(v == 1, 0, v)), cases[:1], acdc_tree, "acdc", progress=False)
    missed = [record for record in result.records if record.node == "right_ventricle"]
    assert {record.status for record in missed} == {"missed"}
    assert {record.metric: record.value for record in missed}["hd95_mm"] is None


def test_a_case_is_shown_with_image_truth_and_prediction(cases, acdc_tree):
    scores, last = score_case(Answer(lambda v: v * 0), cases[2], acdc_tree, "acdc")
    assert (last.name, scores.patients) == ("p2_a", {"p2_a": "p2"})
    assert np.array_equal(last.affine, AFFINE)
    assert np.array_equal(last.image, nib.load(cases[2]["image"]).get_fdata())
    assert np.array_equal(last.truth, acdc_tree.to_nodes(label(), "acdc"))
    assert (last.prediction == acdc_tree.background).all()


def test_a_wrong_label_value_is_refused_with_its_file(cases, acdc_tree, tmp_path):
    save(label() + np.uint8(7), tmp_path / "p1_b_gt.nii")
    with pytest.raises(LabelValueError, match=rf"^{cases[1]['label']}: "):
        evaluate(lambda image: torch.zeros(1, 8, 7, 4), cases, acdc_tree, "acdc", progress=False)


def test_scores_survive_a_json_file_and_join_as_if_measured_together(cases, acdc_tree):
    shifted = Answer(lambda v: np.roll(np.where(v == 1, 0, v), 1, axis=0))
    together = evaluate(shifted, cases, acdc_tree, "acdc", progress=False)
    joined = Evaluation()
    for case in cases:
        content = json.dumps(score_case(shifted, case, acdc_tree, "acdc")[0].content(), allow_nan=False)
        joined.add(Evaluation.of(json.loads(content)))
    assert joined == together
    assert {type(record.value) for record in together.records} == {float, type(None)}


def test_there_may_be_no_case(acdc_tree):
    assert evaluate(Answer(), [], acdc_tree, "acdc", progress=False).records == []


@pytest.mark.parametrize("kind", ["list", "4D"])
def test_the_picture_of_several_channels_is_the_first_that_is_there(cases, acdc_tree, tmp_path, kind):
    voxels = nib.load(cases[0]["image"]).get_fdata(dtype=np.float32)
    stack = save(np.stack([voxels, voxels * 0], -1), tmp_path / "stack.nii")
    case = {**cases[0], "image": [None, cases[0]["image"], cases[1]["image"]] if kind == "list" else str(stack)}
    asked = []

    def answer(image: Any) -> torch.Tensor:
        asked.append(image)
        return torch.from_numpy(label())[None]

    seen = score_case(answer, case, acdc_tree, "acdc")[1]
    assert asked == [case["image"]]
    np.testing.assert_array_equal(seen.image, voxels)


def test_lesions_are_scored_when_asked_for(cases, acdc_tree):
    plain, more = (
        evaluate(Answer(), cases[:1], acdc_tree, "acdc", progress=False, lesion_wise=wise) for wise in (False, True)
    )
    assert values(plain.records, "lesion_dice") == []
    assert values(more.records, "lesion_dice", "heart") == [1.0]
