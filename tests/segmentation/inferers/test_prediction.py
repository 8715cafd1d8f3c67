"""One prediction and what derives from it, and the files that it becomes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from cladeseg.files import DataError
from cladeseg.segmentation.inferers import (
    Prediction,
    cases_in,
    uncertainty_map,
    volume_rows,
    write_probabilities,
    write_uncertainty,
    write_volumes,
)
from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError

#: Oblique and sheared: a voxel of 2 x 2 x 6 mm, whose third edge leans.
AFFINE = np.array([[-2.0, 0, 1, 30], [0, 1.2, -4.8, 11], [0, 1.6, 3.6, -7], [0, 0, 0, 1]])


def prediction_of(tree: Taxonomy, seed: int = 0, shape: tuple[int, ...] = (20, 3, 4)) -> Prediction:
    scores = torch.rand(tree.num_leaves, *shape, generator=torch.Generator().manual_seed(seed))
    values = tuple(10 * leaf for leaf in range(tree.num_leaves))
    label = MetaTensor(10 * scores.argmax(0, keepdim=True), affine=torch.from_numpy(AFFINE))
    return Prediction(label, scores, tree, values)


def image_of(folder: Path, shape: tuple[int, ...] = (20, 3, 4)) -> Path:
    image = nib.Nifti1Image(np.zeros(shape, np.float32), AFFINE)
    image.set_qform(None)
    nib.save(image, folder / "image.nii.gz")
    return folder / "image.nii.gz"


# ---- probabilities and uncertainty -----------------------------------------------------------------------------------


def test_probabilities_are_normalised_and_unseen_voxels_are_background(acdc_tree):
    prediction = prediction_of(acdc_tree)
    prediction.scores[:, 0] = 0  # what lay outside the crop that the network saw
    raw = prediction.scores.clone()
    p = prediction.probabilities
    assert p.dtype == torch.float32
    torch.testing.assert_close(p.sum(0), torch.ones(20, 3, 4))
    torch.testing.assert_close(p[:, 1:], raw[:, 1:] / raw[:, 1:].sum(0))
    assert (p[0, 0] == 1).all()
    assert p.data_ptr() == prediction.scores.data_ptr(), "one volume of all leaves, not two"


def test_a_nodes_probability_is_the_sum_over_its_leaves(acdc_tree):
    prediction = prediction_of(acdc_tree)
    p = prediction.probabilities
    torch.testing.assert_close(prediction.node_probability("left_heart"), p[2] + p[3])
    torch.testing.assert_close(prediction.node_probability("heart"), 1 - p[0])
    torch.testing.assert_close(prediction.node_probability("myocardium"), p[2])
    with pytest.raises(TaxonomyError, match="liver"):
        prediction.node_probability("liver")


def test_uncertainty_is_the_conditional_entropy_of_every_voxel(acdc_tree):
    prediction = prediction_of(acdc_tree, shape=(37, 3, 2))  # more slices than are looked at together
    expected = uncertainty_map(prediction.probabilities.log(), acdc_tree)
    assert prediction.uncertainty.dtype == torch.float32
    torch.testing.assert_close(prediction.uncertainty, expected)
    assert 0 < float((expected > 0).float().mean()) < 1


# ---- volumes ---------------------------------------------------------------------------------------------------------


def test_volumes_count_the_label_and_inner_nodes_hold_their_leaves(acdc_tree, tmp_path):
    prediction = prediction_of(acdc_tree)
    write_volumes([("p1", volume_rows(prediction))], tmp_path / "volumes.csv")
    with (tmp_path / "volumes.csv").open(newline="") as file:
        rows = {row["node"]: row for row in csv.DictReader(file)}
    label = prediction.label.numpy()
    counts = {"background": (0,), "right_ventricle": (10,), "left_heart": (20, 30), "heart": (10, 20, 30)}
    for node, values in counts.items():
        voxels = int(np.isin(label, values).sum())
        assert int(rows[node]["voxels"]) == voxels
        assert float(rows[node]["volume_ml"]) == pytest.approx(voxels * 0.024, abs=1e-6)
    assert set(rows) == set(acdc_tree.names[:-1]), "the root is the whole image, which is no structure"
    assert {row["case"] for row in rows.values()} == {"p1"}


def test_a_table_has_the_cases_in_the_order_given_and_nothing_beside_it(acdc_tree, tmp_path):
    path = tmp_path / "volumes.csv"
    assert cases_in(path) == set()
    write_volumes([(case, volume_rows(prediction_of(acdc_tree, seed))) for seed, case in enumerate("ba")], path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["b"] * 6 + ["a"] * 6
    assert cases_in(path) == {"a", "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["volumes.csv"]


@pytest.mark.parametrize("content", ["patient,ml\np1,3\n", ""])
def test_another_table_is_named(tmp_path, content):
    (tmp_path / "volumes.csv").write_text(content)
    with pytest.raises(DataError, match=r"volumes\.csv: "):
        cases_in(tmp_path / "volumes.csv")


# ---- files -----------------------------------------------------------------------------------------------------------


def test_the_probability_file_lies_on_the_images_grid_and_names_its_leaves(acdc_tree, tmp_path):
    image, prediction = image_of(tmp_path), prediction_of(acdc_tree)
    write_probabilities(prediction, image, tmp_path / "p.nii.gz")
    written = nib.load(tmp_path / "p.nii.gz")
    assert (written.shape, written.get_data_dtype()) == ((20, 3, 4, 4), np.float32)
    assert np.array_equal(written.affine, nib.load(image).affine)
    for leaf in range(4):
        np.testing.assert_array_equal(np.asarray(written.dataobj)[..., leaf], prediction.probabilities[leaf].numpy())
    names = ["background", "right_ventricle", "myocardium", "left_ventricle"]
    assert written.header["descrip"].item().decode() == ",".join(names)
    assert written.header.get_intent()[::2] == ("estimate", "p(leaf)")
    (extension,) = written.header.extensions
    assert json.loads(extension.get_content()) == {"leaves": names}


def test_names_that_do_not_fit_the_description_are_in_the_extension(tmp_path):
    leaves = tuple(Node(f"structure_number_{i}", values={"a": i}) for i in range(1, 7))
    tree = Taxonomy("long", (Node("background", values={"a": 0}), *leaves))
    write_probabilities(prediction_of(tree), image_of(tmp_path), tmp_path / "p.nii.gz")
    header = nib.load(tmp_path / "p.nii.gz").header
    assert "7 leaves" in header["descrip"].item().decode()
    assert json.loads(header.extensions[0].get_content())["leaves"] == list(tree.leaf_names)


def test_the_uncertainty_file_is_one_float_a_voxel(acdc_tree, tmp_path):
    prediction = prediction_of(acdc_tree)
    write_uncertainty(prediction, [None, str(image_of(tmp_path))], tmp_path / "u.nii.gz")
    written = nib.load(tmp_path / "u.nii.gz")
    assert written.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(written.dataobj), prediction.uncertainty.numpy())
    assert "nats" in written.header["descrip"].item().decode()


def test_a_prediction_is_not_written_onto_another_grid(acdc_tree, tmp_path):
    image = image_of(tmp_path, (20, 4, 3))
    for write in (write_probabilities, write_uncertainty):
        with pytest.raises(DataError, match=rf"^{image}: .*shape"):
            write(prediction_of(acdc_tree), image, tmp_path / "x.nii.gz")
    assert not (tmp_path / "x.nii.gz").exists()
