"""Labels, label trees and where things lie: values, shapes, affines, layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from fault_kinds import CHECK, EVALUATE, PREDICT, TRAIN, Fault
from fault_stage import Stage, changed_json, cut, planted, volume, written


def _shifted(path: Path, mm: float) -> None:
    affine = nib.load(path).affine.copy()
    affine[0, 3] += mm
    volume(path, np.copy, affine)


def _scaled_axis(path: Path, factor: float) -> None:
    volume(path, np.copy, nib.load(path).affine @ np.diag([factor, 1, 1, 1]))


def _other_pixdim(path: Path) -> None:
    """Voxel sizes in the header that the affine does not have."""
    stored = nib.load(path)
    image = nib.Nifti1Image(np.array(stored.dataobj), stored.affine)
    nib.save(image, path)
    content = bytearray(_unpacked(path))
    content[80:84] = np.float32(50).tobytes()
    _pack(path, bytes(content))


def _unpacked(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes())


def _pack(path: Path, content: bytes) -> None:
    import gzip

    path.write_bytes(gzip.compress(content))


def _rename_parent(tree: dict[str, Any]) -> None:
    next(node for node in tree["nodes"] if node["name"] == "myocardium")["parent"] = "hart"


def _circle(tree: dict[str, Any]) -> None:
    next(node for node in tree["nodes"] if node["name"] == "heart")["parent"] = "left_heart"


def _twice(tree: dict[str, Any]) -> None:
    next(node for node in tree["nodes"] if node["name"] == "myocardium")["values"] = {"acdc": 1}


GT = "patient001_frame01_gt.nii.gz"
LABELS = (
    Fault(
        name="a value without a meaning",
        command=CHECK,
        names=f"{GT}: value 9",
        plant=lambda s: planted(s.label(), 9, np.uint8),
    ),
    Fault(
        name="a value without a meaning, in a coarse case",
        command=TRAIN,
        names="patient002_frame01_gt.nii.gz: value 9",
        plant=lambda s: planted(s.label(2), 9, np.uint8),
    ),
    Fault(
        name="a value without a meaning, in a test case",
        command=EVALUATE,
        names="patient003_frame01_gt.nii.gz: value 9",
        plant=lambda s: planted(s.label(3), 9, np.uint8),
    ),
    Fault(
        name="a label of real numbers",
        command=CHECK,
        names="1 voxels hold no integer, e.g. 0.5",
        plant=lambda s: planted(s.label(), 0.5),
    ),
    Fault(
        name="a label that is not finite",
        command=TRAIN,
        names="1 voxels are not finite",
        plant=lambda s: planted(s.label(), np.nan),
    ),
    Fault(name="a truncated label", command=TRAIN, names=f"{GT}: cannot be read", plant=lambda s: cut(s.label())),
    Fault(name="a label convention that the tree lacks", command=f"{CHECK} --label-convention brats", names="brats"),
    Fault(name="a label tree that is not there", command="cladeseg check D --taxonomy tree.json", names="tree.json"),
    Fault(
        name="a label tree that is no JSON",
        command=CHECK,
        names="taxonomy.json",
        plant=lambda s: written(s.tree(), "{"),
    ),
    Fault(
        name="a parent that is not there",
        command=TRAIN,
        names="hart",
        plant=lambda s: changed_json(s.tree(), _rename_parent),
    ),
    Fault(name="nodes in a circle", command=CHECK, names="heart", plant=lambda s: changed_json(s.tree(), _circle)),
    Fault(
        name="one value for two nodes",
        command=CHECK,
        names="myocardium",
        plant=lambda s: changed_json(s.tree(), _twice),
    ),
)
GEOMETRY = (
    Fault(
        name="a label of another shape",
        command=CHECK,
        names=f"{GT}: its shape (35, 36, 5)",
        plant=lambda s: volume(s.label(), lambda v: v[:-1]),
    ),
    Fault(
        name="a label beside its image", command=TRAIN, names="12.00 mm away", plant=lambda s: _shifted(s.label(), 12.0)
    ),
    Fault(
        name="a label beside its image, in evaluation",
        command=f"{EVALUATE} --split all",
        names="12.00 mm away",
        plant=lambda s: _shifted(s.label(), 12.0),
    ),
    Fault(
        name="voxel axes in one plane",
        command=CHECK,
        names="singular",
        plant=lambda s: volume(
            s.image(), np.copy, np.array([[5.0, 5, 0, 0], [0, 0, 0, 0], [0, 0, 9, 0], [0, 0, 0, 1]])
        ),
    ),
    Fault(
        name="voxels of a hundred-thousandth of a millimetre",
        command=CHECK,
        names="patient001_frame01.nii.gz: ",
        plant=lambda s: _scaled_axis(s.image(), 1e-6),
    ),
    Fault(
        name="voxels of a metre",
        command=PREDICT,
        names="D/patient001/patient001_frame01.nii.gz: ",
        plant=lambda s: _scaled_axis(s.image(), 200.0),
    ),
    Fault(
        name="a voxel size that contradicts the affine",
        command=PREDICT,
        names="pixdim 50",
        plant=lambda s: _other_pixdim(s.image()),
    ),
)


def _phantoms(layout: str) -> Any:
    """Replace D by phantoms in another layout."""
    import shutil

    from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms

    def plant(stage: Stage) -> None:
        shutil.rmtree(stage.data)
        if layout == "msd":
            write_msd_phantoms(stage.data, cases=2, seed=0)
        else:
            write_brats_phantoms(stage.data, subjects=2, seed=0, naming="brats18")

    return plant


def _msd(change: Any) -> Any:
    def plant(stage: Stage) -> None:
        _phantoms("msd")(stage)
        change(stage.data)

    return plant


def _escaping(data: Path) -> None:
    changed_json(data / "dataset.json", lambda content: content["training"][0].update(image="../../outside.nii.gz"))


def _drop_modality(stage: Stage) -> None:
    _phantoms("brats")(stage)
    next(stage.data.rglob("*_t1ce.nii.gz")).unlink()


LAYOUTS = (
    Fault(name="a layout that there is not", command=f"{CHECK} --layout martian", names="martian"),
    Fault(name="a folder in another layout", command=f"{CHECK} --layout acdc", names="D: ", plant=_phantoms("brats")),
    Fault(
        name="a dataset.json that is no JSON",
        command=f"{CHECK} --layout msd",
        names="dataset.json",
        plant=_msd(lambda d: written(d / "dataset.json", "{")),
    ),
    Fault(name="no dataset.json", command=f"{CHECK} --layout msd", names="dataset.json", plant=lambda s: None),
    Fault(
        name="a listed image that is not there",
        command=f"{CHECK} --layout msd",
        names="imagesTr",
        plant=_msd(lambda d: next((d / "imagesTr").glob("*.nii.gz")).unlink()),
    ),
    Fault(
        name="a listed image outside of the data folder",
        command=f"{CHECK} --layout msd",
        names="outside",
        plant=_msd(_escaping),
    ),
    Fault(
        name="a dataset.json with one key twice",
        command=f"{CHECK} --layout msd",
        names="dataset.json",
        plant=_msd(lambda d: written(d / "dataset.json", '{"training": [], "training": []}')),
    ),
    Fault(
        name="a dataset.json of nothing",
        command=f"{CHECK} --layout msd",
        names="dataset.json",
        plant=_msd(lambda d: written(d / "dataset.json", "[]")),
    ),
    Fault(
        name="a subject without one of its modalities",
        command="cladeseg check D --layout brats --taxonomy B/configs/taxonomy.json --label-convention acdc",
        names="t1ce",
        plant=_drop_modality,
    ),
)
