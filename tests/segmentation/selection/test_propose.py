"""The proposed cases stand for the others; no leaf has a say in it."""

from __future__ import annotations

import logging
import shutil

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.selection import CandidateFeatures, Feature, propose, select_cases

VOLUME = Feature("volume", "ml", "shape")
PLACE = Feature("position left-right", "mm", "position")
INTENSITY = Feature("mean intensity inside", "", "intensity")


def candidates(volumes: list[float], groups: list[int] | None = None) -> CandidateFeatures:
    """Cases c0, c1, … of patients p0, p1, … that differ in volume alone."""
    groups = groups or list(range(len(volumes)))
    cases = [
        {"case": f"c{i}", "patient": f"p{g}", "image": f"c{i}.nii", "label": f"c{i}_gt.nii"}
        for i, g in enumerate(groups)
    ]
    features = [{VOLUME: v, PLACE: 1.0 + (i == 0) / 8, INTENSITY: 0.5} for i, v in enumerate(volumes)]
    return CandidateFeatures(cases, {f"p{g}": g for g in groups}, features)


def names(proposals) -> list[str]:
    return [proposal.case for proposal in proposals]


def test_the_middle_case_stands_for_all_and_says_why():
    (only,) = propose(candidates([1, 2, 3, 4, 90]), 1)
    assert (only.case, only.patient, only.cluster_size, only.distance_percentile) == ("c2", "p2", 5, 0)
    assert only.reason.startswith(
        "typical of 5 of 5 cases; volume 3 ml (median 3); differs most in position left-right"
    )


def test_those_that_stand_for_most_come_first():
    found = propose(candidates([1.0, 1.1, 20.0, 20.1, 20.2, 20.3, 20.4]), 2)
    assert [(p.case, p.cluster_size) for p in found] == [("c4", 5), ("c0", 2)]


def test_a_patient_is_proposed_once_however_typical_both_scans_are():
    # Without patients the two clusters' own medoids would be chosen, both of patient 0.
    volumes = [1.0, 20.0, 1.5, 20.5, 0.5, 19.0]
    assert names(propose(candidates(volumes, [0, 1, 2, 3, 4, 5]), 2)) == ["c0", "c1"]
    together = propose(candidates(volumes, [0, 0, 2, 3, 4, 5]), 2)
    assert len({p.patient for p in together}) == 2
    assert {float(volumes[int(p.case[1:])]) > 10 for p in together} == {True, False}


def test_what_labelled_patients_stand_for_needs_no_other_case():
    volumes = [1.0, 1.1, 1.2, 20.0, 20.1, 20.2, 20.3]
    (more,) = propose(candidates(volumes), 1, labelled=["p4"])
    assert more.case == "c1"
    assert more.cluster_size == 3
    with pytest.raises(DataError, match="budget: 7 cases asked for; 1 to 6 can be proposed"):
        propose(candidates(volumes), 7, labelled=["p4"])


def test_an_uncertain_case_counts_for_more():
    volumes = [1.0, 2.0, 3.0, 4.0, 5.0]
    even, uneven = np.full(5, 0.3), np.array([0.1, 0.1, 0.1, 0.1, 0.6])
    assert names(propose(candidates(volumes), 1, uncertainty=even)) == ["c2"]
    (chosen,) = propose(candidates(volumes), 1, uncertainty=uneven)
    assert chosen.case == "c4"
    assert "uncertainty 0.6 nats (mean 0.2)" in chosen.reason
    assert names(propose(candidates(volumes), 1, uncertainty=np.zeros(5))) == ["c2"]


def choose(folder, tree, budget=2, **options):
    return select_cases(folder, tree, layout="msd", label_convention="auto", budget=budget, workers=1, **options)


def test_leaves_have_no_say(phantoms, tmp_path, hippocampus_tree):
    shutil.copytree(phantoms, tmp_path / "D")
    for file in (tmp_path / "D" / "labelsTr").iterdir():
        label = nib.load(file)
        voxels = np.asanyarray(label.dataobj)
        nib.save(nib.Nifti1Image(np.where(voxels > 0, 3 - voxels, 0).astype(np.uint8), label.affine), file)
    plain, permuted = choose(phantoms, hippocampus_tree), choose(tmp_path / "D", hippocampus_tree)
    assert [(p.case, p.cluster_size, p.reason) for p in plain] == [(p.case, p.cluster_size, p.reason) for p in permuted]
    assert choose(phantoms, hippocampus_tree) == plain


def test_only_named_patients_are_looked_at(phantoms, hippocampus_tree):
    some = ["hippocampus_001", "hippocampus_003", "hippocampus_004"]
    (found,) = choose(phantoms, hippocampus_tree, 1, only=some)
    assert found.patient in some
    assert found.cluster_size == 3
    with pytest.raises(DataError, match="has no patient 'hippocampus_099'"):
        choose(phantoms, hippocampus_tree, only=["hippocampus_099"])


def sphere(radius: float, value: int = 1) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.arange(n) - n / 2 for n in (12, 14, 10)), indexing="ij"))
    return (np.linalg.norm(grid, axis=0) < radius).astype(np.uint8) * value


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(12, 14, 10)).astype(np.float32)


def test_a_scan_counts_once_and_what_cannot_be_chosen_is_named(write, hippocampus_tree, caplog):
    cases = {f"c{i}": (image(i), sphere(2.5 + i / 4)) for i in range(4)}
    cases |= {"twin": (image(1), sphere(4)), "empty": (image(8), sphere(0)), "bare": (image(9), None)}
    folder = write(cases)
    with caplog.at_level(logging.WARNING):
        found = choose(folder, hippocampus_tree, 4)
    assert sorted(names(found)) == ["c0", "c1", "c2", "c3"]
    assert "twin: left out of the selection because its scan is another case's" in caplog.text
    assert "empty: left out of the selection because its label holds no hippocampus" in caplog.text
    assert "bare: left out of the selection because it has no label file" in caplog.text
    with pytest.raises(DataError, match="budget: 5 cases asked for; 1 to 4 can be proposed"):
        choose(folder, hippocampus_tree, 5)


def test_who_shares_a_scan_with_a_labelled_patient_is_labelled(write, hippocampus_tree):
    folder = write({f"c{i}": (image(i % 3), sphere(2.5 + i / 4)) for i in range(4)})  # c3 is the scan of c0
    found = choose(folder, hippocampus_tree, 2, labelled=["c3"])
    assert sorted(names(found)) == ["c1", "c2"]


def test_a_folder_without_outlines_is_refused(write, hippocampus_tree):
    folder = write({"a": (image(0), sphere(0))})
    with pytest.raises(DataError, match=r"/D: no case with an outline of hippocampus is left"):
        choose(folder, hippocampus_tree, 1)
