"""A folder of pictures, volumes or key-point tables as a set of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cladeseg.clustering.objects.clustered_object import ClusteredObject, ObjectSet
from cladeseg.clustering.objects.foreground import ObjectArea, find_object
from cladeseg.clustering.objects.from_picture import object_from_picture
from cladeseg.clustering.objects.from_volume import Outlined, connected_parts, objects_of_volume
from cladeseg.clustering.objects.key_point_table import is_key_point_table, read_key_points
from cladeseg.clustering.objects.labels_file import NAME, read_labels
from cladeseg.clustering.objects.peaks import PeakRule
from cladeseg.clustering.objects.picture import SUFFIXES, TIFF, read_picture
from cladeseg.files import DataError, check_choice
from cladeseg.volumes import case_name, is_volume_file

#: End of the name of a TIFF file, or a label volume, that outlines the objects of the picture or volume beside it.
OUTLINES = "_objects"


def read_objects(
    folder: str | Path,
    *,
    area: ObjectArea = "found",
    rule: PeakRule | None = None,
    outlined: Outlined = "numbers",
    labels: str | Path | None = None,
) -> ObjectSet:
    """Every object of a folder.

    A picture ``a.png`` is the object ``a``.  Where ``a_objects.tif`` lies beside it, each integer above 0 in that file
    outlines one object, ``a#1`` and so on, all from the source ``a``.  A volume ``a.nii.gz`` needs such outlines,
    ``a_objects.nii.gz``.

    Args:
        folder: of pictures, of volumes, or of npz files with key points; others are passed over.
        area: whether a picture's object is looked for, or the whole picture taken.
        rule: which maxima of a picture are key points.
        outlined: whether an object is all of a number in the outlines, or each connected part of it.
        labels: table of classes; ``labels.csv`` of the folder if ``None``, where there is one.

    Raises:
        DataError: there is no such folder, it holds no object, a file cannot be used, two files have one name, or the
            table names an object that is not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    objects, classes, sources = _found(folder, area, rule, outlined)
    file = folder / NAME if labels is None else Path(labels)
    if labels is not None or file.is_file():
        classes, more = read_labels(file)
        sources |= more
        _refuse_unknown(file, classes, objects)
    objects = sorted(objects, key=_by_id)
    return ObjectSet(objects, classes, sources)


def _by_id(one: ClusteredObject) -> tuple[int, str]:
    """Numbers by their value."""
    return (int(one.id), "") if one.id.isdecimal() and one.id.isascii() else (2**62, one.id)


Found = tuple[list[ClusteredObject], dict[str, str], dict[str, str]]


def _found(folder: Path, area: ObjectArea, rule: PeakRule | None, outlined: Outlined) -> Found:
    check_choice("outlined", outlined, ("numbers", "parts"))
    files = sorted(folder.iterdir())
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    volumes = [path for path in files if is_volume_file(path)]
    tables = [path for path in files if path.suffix == ".npz" and is_key_point_table(path)]
    if not pictures and not tables and not volumes:
        raise DataError(
            f"{folder}: holds no picture ({', '.join(SUFFIXES)}), no volume with outlines and no npz file of key points"
        )
    kinds = {"pictures": pictures, "volumes": volumes, "key points": tables}
    held = [kind for kind, paths in kinds.items() if paths]
    if len(held) > 1:
        raise DataError(f"{folder}: holds {' and '.join(held)}; keep them in separate folders")
    if volumes:
        return _from_volumes(volumes, outlined)
    return _from_tables(tables) if tables else _from_pictures(pictures, area, rule, outlined)


def _from_volumes(paths: list[Path], outlined: Outlined) -> Found:
    outlines = {case_name(path).removesuffix(OUTLINES): path for path in paths if case_name(path).endswith(OUTLINES)}
    images = [path for path in paths if not case_name(path).endswith(OUTLINES)]
    _refuse_same_names({path: case_name(path) for path in images})
    objects: list[ClusteredObject] = []
    sources: dict[str, str] = {}
    for path in tqdm(images, desc="reading", unit="volume", disable=None):
        name = case_name(path)
        if name not in outlines:
            raise DataError(f"{path}: has no outlines; put {name}{OUTLINES}.nii.gz beside it, a number for each object")
        found = objects_of_volume(path, outlines[name], outlined)
        objects += found
        sources |= {one.id: name for one in found}
    return objects, {}, sources


def _refuse_same_names(names: dict[Path, str]) -> None:
    held = list(names.values())
    for path, name in names.items():
        if held.count(name) > 1:
            raise DataError(f"{path}: another file has the name {name} too, which is the object's id; rename one")


def _from_tables(paths: Iterable[Path]) -> Found:
    objects: list[ClusteredObject] = []
    classes: dict[str, str] = {}
    for path in paths:
        found, known = read_key_points(path)
        objects += found
        classes |= known
    return objects, classes, {}


def _from_pictures(paths: list[Path], area: ObjectArea, rule: PeakRule | None, outlined: Outlined) -> Found:
    outlines = {path.stem.removesuffix(OUTLINES): path for path in paths if _is_outlines(path)}
    pictures = [path for path in paths if not _is_outlines(path)]
    _refuse_same_names({path: path.stem for path in pictures})
    objects: list[ClusteredObject] = []
    sources: dict[str, str] = {}
    for path in tqdm(pictures, desc="reading", unit="picture", disable=None):
        picture = read_picture(path)
        for name, mask in _masks(path, picture, outlines.get(path.stem), area, outlined):
            objects.append(object_from_picture(name, picture, mask, rule))
            if name != path.stem:
                sources[name] = path.stem
    return objects, {}, sources


def _is_outlines(path: Path) -> bool:
    return path.suffix.lower() in TIFF and path.stem.endswith(OUTLINES)


def _masks(
    path: Path, picture: np.ndarray, outlines: Path | None, area: ObjectArea, outlined: Outlined
) -> Iterator[tuple[str, np.ndarray]]:
    if outlines is None:
        yield path.stem, find_object(picture, area=area, name=str(path))
        return
    numbers = _outline_numbers(outlines)
    if numbers.shape != picture.shape[:2]:
        raise DataError(
            f"{outlines}: has the size {numbers.shape}, {path.name} has {picture.shape[:2]}; they must agree"
        )
    if outlined == "parts":
        numbers = connected_parts(numbers)
    for number in np.unique(numbers[numbers > 0]):
        yield f"{path.stem}#{number}", numbers == number


def _outline_numbers(path: Path) -> np.ndarray:
    import tifffile

    try:
        numbers = np.squeeze(tifffile.imread(path))
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise DataError(f"{path}: cannot be read as outlines ({error})") from error
    if numbers.dtype.kind not in "iu" or not (numbers > 0).any():
        raise DataError(f"{path}: should hold an integer above 0 for each object, 0 elsewhere")
    return numbers


def _refuse_unknown(file: Path, classes: dict[str, str], objects: list[ClusteredObject]) -> None:
    known = {one.id for one in objects}
    stranger = next((one for one in classes if one not in known), None)
    if stranger is not None:
        raise DataError(f"{file}: gives a class to '{stranger}', but there is no such object; correct the id")
