"""Folders of pictures and key-point tables, with one defect of each kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cladeseg.clustering.objects import ObjectSet, object_from_picture, read_objects, read_picture, to_channels_last
from cladeseg.files import DataError

COLUMNS = ("angle_deg", "channel", "r_max", "norm_peak")


def picture(seed: int = 0, side: int = 40) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    inside = np.hypot(rows - side / 2, columns - side / 2) < side / 3
    noise = np.random.default_rng(seed).random((side, side, 3)) * 0.5
    return np.rint(255 * inside[..., None] * (0.4 + noise)).astype(np.uint8)


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_table(path: Path, ids: list[int], value: float = 0.5) -> None:
    points = np.array([[10.0 * n, 0, 0.1 * n, value] for n in range(1, 5)], dtype=np.float32)
    rows, owners = np.tile(points, (len(ids), 1)), np.repeat(ids, len(points))
    np.savez(
        path, features=rows, features_id=owners, candidates=rows, candidates_id=owners,
        columns=np.array(COLUMNS), ids=np.array(ids), classes=np.array(ids) // 100,
    )  # fmt: skip


# ---- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_scaled_by_their_type(tmp_path: Path, kind: type, most: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((5, 4), most, dtype=kind))
    assert read_picture(tmp_path / "a.tif").shape == (5, 4, 1)
    assert read_picture(tmp_path / "a.tif").max() == 1.0


def test_channels_of_an_ome_tiff_are_found_by_the_names_of_its_axes(tmp_path: Path) -> None:
    pixels = np.zeros((4, 5, 6), dtype=np.float32)
    pixels[2] = 0.7
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": "CYX"}, photometric="minisblack")
    found = read_picture(tmp_path / "a.ome.tif")
    assert found.shape == (5, 6, 4)
    assert found[..., 2].min() == pytest.approx(0.7)


def test_planes_are_projected_and_a_time_series_is_refused() -> None:
    stack = np.zeros((3, 4, 5))
    stack[1, 2, 2] = 1
    assert to_channels_last(stack, "ZYX")[2, 2, 0] == 1
    with pytest.raises(DataError, match="3 positions along axis T"):
        to_channels_last(stack, "TYX")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        read_picture(tmp_path / name)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0.0, np.nan]], dtype=np.float32))
    with pytest.raises(DataError, match="not finite"):
        read_picture(tmp_path / "a.tif")


# ---- folders ---------------------------------------------------------------------------------------------------------


def test_pictures_of_two_sizes_are_objects_of_one_kind(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture())
    write_png(tmp_path / "b.png", picture(1, side=70))
    (tmp_path / "labels.csv").write_text("id,class,source\na,x,slide\n")
    found = read_objects(tmp_path)
    assert found.ids == ["a", "b"]
    assert (found.classes, found.sources) == ({"a": "x"}, {"a": "slide"})
    assert {one.crop.shape for one in found.objects if one.crop is not None} == {(64, 64, 3)}


def test_outlines_give_one_object_each_from_one_source(tmp_path: Path) -> None:
    pixels, numbers = picture(), np.zeros((40, 40), dtype=np.uint16)
    numbers[8:20, 8:20], numbers[22:34, 22:34] = 1, 7
    write_png(tmp_path / "a.png", pixels)
    tifffile.imwrite(tmp_path / "a_objects.tif", numbers)
    found = read_objects(tmp_path)
    assert found.ids == ["a#1", "a#7"]
    assert set(found.sources.values()) == {"a"}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture())
    tifffile.imwrite(tmp_path / "a.tif", picture())
    with pytest.raises(DataError, match="another file has the name a"):
        read_objects(tmp_path)


def test_pictures_of_different_channels_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture())
    write_png(tmp_path / "b.png", picture()[..., 0])
    with pytest.raises(DataError, match=r"b: has 1 channel\(s\), but a has 3"):
        read_objects(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,class\na,x\na,y\n", "'a' stands twice"),
        ("id,kind\na,x\n", "it needs id and class"),
        ("id,class\nzz,x\n", "no such object"),
    ],
)
def test_a_faulty_table_of_classes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write_png(tmp_path / "a.png", picture())
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_objects(tmp_path)


def test_a_corrected_table_of_clusters_gives_classes(tmp_path: Path) -> None:
    write_png(tmp_path / "data" / "a.png", picture())
    (tmp_path / "clusters.csv").write_text("id,cluster,confidence,nearest_medoid\na,3,0.9,a\n")
    assert read_objects(tmp_path / "data", labels=tmp_path / "clusters.csv").classes == {"a": "3"}


def test_an_empty_folder_and_a_missing_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        read_objects(tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        read_objects(tmp_path / "nowhere")


# ---- key-point tables ------------------------------------------------------------------------------------------------


def test_a_table_gives_objects_with_their_classes_and_passes_over_other_files(tmp_path: Path) -> None:
    write_table(tmp_path / "points.npz", [100, 101, 1100])
    np.savez(tmp_path / "other.npz", similarity=np.zeros((2, 2)))
    found = read_objects(tmp_path)
    assert found.ids == ["100", "101", "1100"]
    assert found.classes["1100"] == "11"
    points = found.objects[0].points
    assert points is not None
    assert points.features.radius == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_an_id_in_two_tables_a_value_that_is_not_finite_and_an_object_without_points_are_refused(
    tmp_path: Path,
) -> None:
    write_table(tmp_path / "a.npz", [1])
    write_table(tmp_path / "b.npz", [1])
    with pytest.raises(DataError, match="1: two objects have this id"):
        read_objects(tmp_path)
    write_table(tmp_path / "b.npz", [2], value=np.nan)
    with pytest.raises(DataError, match=r"b\.npz: object 2: a value of its features is not finite"):
        read_objects(tmp_path)
    with np.load(tmp_path / "a.npz") as table:
        held = {**table, "ids": np.array([1, 5]), "classes": np.array([0, 0])}
    np.savez(tmp_path / "a.npz", **held)
    (tmp_path / "b.npz").unlink()
    with pytest.raises(DataError, match="object 5 has no key points"):
        read_objects(tmp_path)


def test_descriptions_do_not_change_when_an_object_is_turned() -> None:
    pixels = picture(3).astype(np.float32) / 255
    mask = pixels.max(axis=2) > 0
    upright, turned = (object_from_picture("a", np.rot90(pixels, k), np.rot90(mask, k)) for k in (0, 1))
    assert turned.shape == pytest.approx(upright.shape, abs=0.05)


def test_a_subset_keeps_classes_and_an_object_without_one_is_named() -> None:
    objects = [object_from_picture(name, picture().astype(np.float32), picture().max(axis=2) > 0) for name in "ab"]
    held = ObjectSet(objects, {"b": "x"}).subset(["b"])
    assert held.labels().tolist() == ["x"]
    with pytest.raises(DataError, match="a: has no class"):
        ObjectSet(objects, {"b": "x"}).labels()
