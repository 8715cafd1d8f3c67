"""Files and folders of images and labels that are torn, empty, missing or something else."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable

import numpy as np
import SimpleITK
from fault_kinds import CHECK, EVALUATE, MONAI_INFER, MONAI_TRAIN, PREDICT, TRAIN, Fault
from fault_stage import Stage, cut, file_instead, folder_instead, planted, volume, written


def _faint(voxels: np.ndarray) -> np.ndarray:
    faint = np.zeros_like(voxels)
    faint[3, 3, :4] = 9
    return faint


def _no_hearts(stage: Stage) -> None:
    shutil.rmtree(stage.data)
    stage.data.mkdir()


def _flip_a_bit(stage: Stage) -> None:
    """One that changes a voxel: the packed stream stays readable, and only its checksum tells."""
    file = stage.image()
    content = bytearray(gzip.compress(gzip.decompress(file.read_bytes()), compresslevel=0))
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def _header(stage: Stage, at: int, value: np.ndarray) -> None:
    """Write over a field of the first image's header."""
    content = bytearray(gzip.decompress(stage.image().read_bytes()))
    content[at : at + value.nbytes] = value.tobytes()
    stage.image().write_bytes(gzip.compress(bytes(content)))


def _other_format(ending: str) -> Callable[[Stage], None]:
    """Write the image of the first patient's folder in another format, and cut it."""

    def plant(stage: Stage) -> None:
        image = SimpleITK.ReadImage(str(stage.image()))
        target = stage.data / f"scan{ending}"
        SimpleITK.WriteImage(image, str(target))
        cut(target)

    return plant


IMAGE = "D/patient001/patient001_frame01.nii.gz"
FILES = (
    Fault(
        name="a truncated image",
        command=CHECK,
        names="patient002_frame01.nii.gz: cannot be read",
        plant=lambda s: cut(s.image(2)),
    ),
    Fault(
        name="a truncated image, in training",
        command=TRAIN,
        names="patient002_frame01.nii.gz: cannot be read",
        plant=lambda s: cut(s.image(2)),
    ),
    Fault(
        name="a truncated image, through MONAI's command",
        command=MONAI_TRAIN,
        names="patient002_frame01.nii.gz: cannot be read",
        plant=lambda s: cut(s.image(2)),
        apart=True,
    ),
    Fault(
        name="a truncated image, in prediction",
        command=PREDICT,
        names="patient002_frame01.nii.gz: cannot be read",
        plant=lambda s: cut(s.image(2)),
    ),
    Fault(
        name="a truncated image, in inference",
        command=MONAI_INFER,
        names="patient002_frame01.nii.gz: cannot be read",
        plant=lambda s: cut(s.image(2)),
    ),
    Fault(name="a flipped bit", command=CHECK, names="patient001_frame01.nii.gz: ", plant=_flip_a_bit),
    Fault(name="a flipped bit, in prediction", command=PREDICT, names=f"{IMAGE}: ", plant=_flip_a_bit),
    Fault(
        name="a header that claims gigabytes",
        command=CHECK,
        names="patient001_frame01.nii.gz: ",
        plant=lambda s: _header(s, 42, np.array([30000, 30000, 5], np.int16)),
    ),
    Fault(
        name="a header with a negative size",
        command=TRAIN,
        names="patient001_frame01.nii.gz: ",
        plant=lambda s: _header(s, 42, np.array([-36], np.int16)),
    ),
    Fault(
        name="a header of an unknown type of numbers",
        command=PREDICT,
        names=f"{IMAGE}: ",
        plant=lambda s: _header(s, 70, np.array([9999], np.int16)),
    ),
    Fault(
        name="a torn NRRD",
        command="cladeseg predict D/scan.nrrd N --bundle B",
        names="D/scan.nrrd: ",
        plant=_other_format(".nrrd"),
    ),
    Fault(
        name="a torn MHA",
        command="cladeseg predict D/scan.mha N --bundle B",
        names="D/scan.mha: ",
        plant=_other_format(".mha"),
    ),
    Fault(
        name="a folder of no DICOM series",
        command="cladeseg predict X N --bundle B",
        names="X",
        plant=lambda s: written(s.root / "X" / "a.dcm", "no DICOM"),
    ),
    Fault(
        name="an empty file",
        command=CHECK,
        names="patient001_frame01.nii.gz",
        plant=lambda s: s.image().write_bytes(b""),
    ),
    Fault(
        name="a text that is called an image",
        command=PREDICT,
        names=IMAGE,
        plant=lambda s: written(s.image(), "no image"),
    ),
    Fault(
        name="a folder that is called an image",
        command=TRAIN,
        names="patient001_frame01",
        plant=lambda s: folder_instead(s.image()),
    ),
    Fault(
        name="a link to nowhere",
        command=TRAIN,
        names="patient001_frame01",
        plant=lambda s: (s.image().unlink(), s.image().symlink_to("gone.nii.gz")),
    ),
    Fault(
        name="a voxel that is not finite",
        command=CHECK,
        names="1 voxels are not finite",
        plant=lambda s: planted(s.image(), np.nan),
    ),
    Fault(
        name="an image of one value",
        command=PREDICT,
        names=f"{IMAGE}: every voxel is 0",
        plant=lambda s: volume(s.image(), np.zeros_like),
    ),
    Fault(
        name="an image that clipping leaves empty",
        command=CHECK,
        names="too few voxels hold anything",
        plant=lambda s: volume(s.image(), _faint),
    ),
    Fault(
        name="an image that clipping leaves empty, in training",
        command=TRAIN,
        names="too few voxels hold anything",
        plant=lambda s: volume(s.image(), _faint),
    ),
    Fault(
        name="an image that clipping leaves empty, in prediction",
        command=PREDICT,
        names="too few voxels hold anything",
        plant=lambda s: volume(s.image(), _faint),
        new=("N/*",),  # the other cases are predicted
    ),
    Fault(
        name="intensities beyond float32",
        command=CHECK,
        names="too large to be standardised",
        plant=lambda s: volume(s.image(), lambda v: np.where(v > v.mean(), 3e38, -3e38).astype(np.float32)),
    ),
    Fault(
        name="an image of four dimensions",
        command=TRAIN,
        names="4D",
        plant=lambda s: volume(s.image(), lambda v: np.stack([v] * 2, -1)),
    ),
    Fault(
        name="an image without voxels",
        command=CHECK,
        names="no voxels",
        plant=lambda s: volume(s.image(), lambda v: v[:0]),
    ),
    Fault(
        name="a label without its image", command=CHECK, names="without an image", plant=lambda s: s.image().unlink()
    ),
    Fault(name="a missing label", command=CHECK, names="allow_missing_labels", plant=lambda s: s.label().unlink()),
    Fault(
        name="a missing label, in training",
        command=TRAIN,
        names="allow_missing_labels",
        plant=lambda s: s.label().unlink(),
    ),
    Fault(
        name="a missing Info.cfg",
        command=TRAIN,
        names="Info.cfg",
        plant=lambda s: (s.data / "patient001" / "Info.cfg").unlink(),
    ),
    Fault(
        name="a data folder that is not there",
        command=CHECK,
        names="D: no such folder",
        plant=lambda s: shutil.rmtree(s.data),
    ),
    Fault(
        name="a data folder that is not there, in training",
        command=TRAIN,
        names="D: no such folder",
        plant=lambda s: shutil.rmtree(s.data),
    ),
    Fault(
        name="an image to predict that is not there",
        command=PREDICT,
        names="D: ",
        plant=lambda s: shutil.rmtree(s.data),
    ),
    Fault(name="a file in place of the data folder", command=TRAIN, names="D: ", plant=lambda s: file_instead(s.data)),
    Fault(name="an empty data folder", command=PREDICT, names="D: ", plant=_no_hearts),
    Fault(name="an empty data folder, in evaluation", command=f"{EVALUATE} --split all", names="D: ", plant=_no_hearts),
)
