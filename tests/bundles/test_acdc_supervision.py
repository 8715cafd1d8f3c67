"""No command of the ACDC bundle learns from a label more than the datalist allows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import Place, differences, json_of, parsed, state_of, train, tree_of, weights_of

UNLABELLED: dict[str, Any] = {
    "coarse_patients": 1,
    "settings#batch#fine": 1,
    "settings#batch#coarse": 1,
    "settings#batch#unlabelled": 1,
}


def patients_with(datalist: Mapping[str, Any], part: str, supervision: str) -> set[str]:
    return {case["patient"] for case in datalist[part] if case["supervision"] == supervision}


def labels_of(data: Path, patients: set[str]) -> Iterator[Path]:
    for patient in sorted(patients):
        yield from sorted((data / patient).glob("*_gt.nii.gz"))


@pytest.fixture(scope="module")
def unlabelled_run(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(place, tmp_path_factory.mktemp("supervision") / "R", **UNLABELLED)


@pytest.fixture
def altered(place: Place, tmp_path: Path) -> Place:
    """The phantoms, to be altered."""
    return place._replace(data=Path(shutil.copytree(place.data, tmp_path / "D")))


def test_labels_of_unlabelled_cases_are_never_opened(place: Place, altered: Place, unlabelled_run: Path) -> None:
    """Garbage in their place is not noticed, and the weights are the same."""
    unlabelled = patients_with(json_of(unlabelled_run / "datalist.json"), "training", "unlabelled")
    assert len(unlabelled) == 2
    for path in labels_of(altered.data, unlabelled):
        path.write_bytes(b"not a label")
    run = train(altered, altered.data.parent / "R", **UNLABELLED)
    assert differences(weights_of(run), weights_of(unlabelled_run)) == []


def test_only_fine_patients_teach_what_is_inside_the_heart(altered: Place, unlabelled_run: Path) -> None:
    """Training is bit for bit the same when all other patients' structures inside the heart are exchanged."""
    fine = patients_with(json_of(unlabelled_run / "datalist.json"), "training", "fine")
    exchanged = np.array([0, 3, 1, 2], dtype=np.uint8)
    others = {path.name for path in altered.data.glob("patient*")} - fine
    for path in labels_of(altered.data, others):
        volume = nib.load(path)
        nib.save(nib.Nifti1Image(exchanged[np.asanyarray(volume.dataobj)], volume.affine, volume.header), path)
    run = train(altered, altered.data.parent / "R", **UNLABELLED)
    assert differences(weights_of(run), weights_of(unlabelled_run)) == []
    assert differences(state_of(run)["optimizer"], state_of(unlabelled_run)["optimizer"]) == []
    files = [(one / "history.csv").read_text(encoding="utf-8") for one in (run, unlabelled_run)]
    assert files[0] == files[1], "validation showed structures inside the heart"


def test_fine_labels_do_teach_what_is_inside_the_heart(altered: Place, unlabelled_run: Path) -> None:
    """The counterpart, without which the test above would prove nothing."""
    fine = patients_with(json_of(unlabelled_run / "datalist.json"), "training", "fine")
    for path in labels_of(altered.data, fine):
        volume = nib.load(path)
        nib.save(nib.Nifti1Image((np.asanyarray(volume.dataobj) > 0).astype(np.uint8), volume.affine), path)
    run = train(altered, altered.data.parent / "R", **UNLABELLED)
    assert differences(weights_of(run), weights_of(unlabelled_run))


def test_the_parts_share_no_patient(unlabelled_run: Path) -> None:
    datalist = json_of(unlabelled_run / "datalist.json")
    parts = {part: {case["patient"] for case in datalist[part]} for part in ("training", "validation", "test")}
    assert all(parts.values())
    assert len(set.union(*parts.values())) == sum(len(members) for members in parts.values())


@pytest.fixture(scope="module")
def caches(place: Place, unlabelled_run: Path) -> dict[str, Any]:
    """What the training command caches: its training and its validation cases."""
    parser = parsed(place, unlabelled_run, **UNLABELLED)
    return {
        part: parser.get_parsed_content(f"{key}#dataset")
        for part, key in (("training", "train"), ("validation", "validate"))
    }


def test_test_cases_never_enter_a_training(caches: Mapping[str, Any], unlabelled_run: Path) -> None:
    datalist = json_of(unlabelled_run / "datalist.json")
    for part, cache in caches.items():
        assert {case["case"] for case in cache.data} == {case["case"] for case in datalist[part]}
    opened = {case["patient"] for cache in caches.values() for case in cache.data}
    assert opened.isdisjoint(case["patient"] for case in datalist["test"])


def test_cached_node_maps_are_no_finer_than_the_supervision(place: Place, caches: Mapping[str, Any]) -> None:
    tree = tree_of(place)
    coarse = {tree.background, tree.index("heart")}
    allowed = {"fine": set(range(tree.num_leaves)), "heart": coarse, "unlabelled": {tree.root}}
    seen = set()
    for cache in caches.values():
        for i in range(len(cache)):
            supervision, nodes = cache[i]["supervision"], set(cache[i]["nodes"].unique().int().tolist())
            assert nodes <= allowed[supervision]
            assert len(nodes) > 1 or supervision == "unlabelled"
            seen.add(supervision)
    assert seen == set(allowed)


def test_validation_shows_the_superclass_alone(place: Place, caches: Mapping[str, Any], unlabelled_run: Path) -> None:
    assert {case["supervision"] for case in caches["validation"].data} == {"heart"}
    header = (unlabelled_run / "history.csv").read_text(encoding="utf-8").splitlines()[0]
    assert [name for name in header.split(",") if name.startswith("validation_dice")] == ["validation_dice_heart"]


def test_cases_without_a_place_in_the_batch_are_not_loaded(place: Place, unlabelled_run: Path) -> None:
    data = parsed(place, unlabelled_run, **{**UNLABELLED, "settings#batch#unlabelled": 0})
    cases = data.get_parsed_content("train#dataset#data")
    assert {case["supervision"] for case in cases} == {"fine", "heart"}
