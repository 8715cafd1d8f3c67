"""Tiny folders of cases to choose from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import write_json
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.taxonomy import Node, Taxonomy

#: Writes the Decathlon folder of {name: (image, label)} and returns it.
Write = Callable[[dict[str, tuple[np.ndarray, np.ndarray | None]]], Path]

AFFINE = np.diag([2.0, 1.0, 3.0, 1.0])


@pytest.fixture
def hippocampus_tree() -> Taxonomy:
    return Taxonomy(
        "hippocampus",
        (
            Node("background", values={"msd": 0}),
            Node("hippocampus"),
            Node("anterior", "hippocampus", {"msd": 1}),
            Node("posterior", "hippocampus", {"msd": 2}),
        ),
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_cases(cases: dict[str, tuple[np.ndarray, np.ndarray | None]]) -> Path:
        for folder in ("imagesTr", "labelsTr"):
            (tmp_path / "D" / folder).mkdir(parents=True, exist_ok=True)
        for name, (image, label) in cases.items():
            nib.save(nib.Nifti1Image(image, AFFINE), tmp_path / "D" / "imagesTr" / f"{name}.nii.gz")
            if label is not None:
                nib.save(nib.Nifti1Image(label, AFFINE), tmp_path / "D" / "labelsTr" / f"{name}.nii.gz")
        listed = [{"image": f"imagesTr/{name}.nii.gz", "label": f"labelsTr/{name}.nii.gz"} for name in cases]
        write_json({"training": listed}, tmp_path / "D" / "dataset.json")
        return tmp_path / "D"

    return write_cases


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selection") / "D"
    write_msd_phantoms(folder, cases=6, shape=(20, 24, 18), spacing=(2.0, 2.0, 2.0))
    return folder
