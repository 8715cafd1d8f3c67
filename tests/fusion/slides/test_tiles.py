"""Tiles of patients: where they lie, and what is skipped and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from stained_slide import glass, slide_with_tissue, stained, write_slide

from cladeseg.files import DataError
from cladeseg.fusion.slides import PatientImages, TileRules, patient_images, read_tiles

PLAIN = TileRules(stain_normalisation=False, tile_size=224)


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def test_tiles_of_a_slide_lie_on_its_tissue(tmp_path: Path) -> None:
    path = write_slide(tmp_path / "s.tif", slide_with_tissue())
    found = read_tiles("p", PatientImages(slides=[path]), PLAIN)
    assert found.images.shape == (6, 224, 224, 3)
    np.testing.assert_allclose(found.positions[:, 0], [0, 112, 0, 112, 0, 112], rtol=1e-3)
    np.testing.assert_allclose(found.positions[:, 1], [0, 0, 112, 112, 224, 224], rtol=1e-3)
    assert found.names[3] == "s.tif@224,224"
    assert found.skipped == {"empty": 6}
    np.testing.assert_array_equal(found.images[3], slide_with_tissue()[224:448, 224:448])


def test_tiles_at_half_the_resolution_cover_twice_the_length(tmp_path: Path) -> None:
    path = write_slide(tmp_path / "s.tif", slide_with_tissue())
    found = read_tiles("p", PatientImages(slides=[path]), TileRules(microns_per_pixel=1.0, stain_normalisation=False))
    np.testing.assert_allclose(found.positions, [[0, 0]], atol=1e-3)


def test_empty_blurred_and_corrupt_tiles_are_counted(tmp_path: Path) -> None:
    sharp = stained((224, 224))
    blurred = np.stack([gaussian_filter(sharp[..., i], 12) for i in range(3)], axis=-1)
    files = [save(tmp_path / f"{i}.png", image) for i, image in enumerate((sharp, blurred, glass((224, 224))))]
    broken = tmp_path / "3.jpg"
    save(broken, sharp)
    broken.write_bytes(broken.read_bytes()[:600])
    no_image = tmp_path / "4.png"
    no_image.write_text("no image")
    found = read_tiles("p", PatientImages(tiles=[*files, broken, no_image]), PLAIN)
    assert found.names == ("0.png",)
    assert found.skipped == {"blurred": 1, "corrupt": 2, "empty": 1}
    assert np.isnan(found.positions).all()


def test_tiles_of_16_bits_and_of_other_sizes_are_taken(tmp_path: Path) -> None:
    grey = save(tmp_path / "large.png", stained((300, 260)))
    found = read_tiles("p", PatientImages(tiles=[grey]), PLAIN)
    assert found.images.shape == (1, 224, 224, 3)


def test_a_drawing_by_seed_is_taken_of_too_many(tmp_path: Path) -> None:
    images = PatientImages(tiles=[save(tmp_path / f"{i}.png", stained((224, 224), seed=i)) for i in range(6)])
    rules = [TileRules(max_tiles=3, stain_normalisation=False, seed=seed) for seed in (0, 0, 1, 2)]
    drawn = [read_tiles("p", images, one) for one in rules]
    assert {len(one.names) for one in drawn} == {3}
    assert drawn[0].names == drawn[1].names == tuple(sorted(drawn[0].names))
    assert len({one.names for one in drawn}) > 1
    assert drawn[0].skipped == {"surplus": 3}


def test_a_slide_without_tissue_is_counted_where_another_has_some(tmp_path: Path) -> None:
    bare = write_slide(tmp_path / "bare.tif", glass((512, 512)))
    tissue = write_slide(tmp_path / "tissue.tif", slide_with_tissue())
    found = read_tiles("p", PatientImages(slides=[bare, tissue]), PLAIN)
    assert found.skipped["slide without tissue"] == 1
    with pytest.raises(DataError, match=r"bare\.tif: patient 'p' has no usable tile \(4 empty, 1 slide without tissue"):
        read_tiles("p", PatientImages(slides=[bare]), PLAIN)


def test_a_region_that_cannot_be_decoded_is_a_corrupt_tile(tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    path = write_slide(tmp_path / "s.tif", slide_with_tissue())
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(DataError, match=r"s\.tif"):
        read_tiles("p", PatientImages(slides=[path]), PLAIN)


def test_images_belong_to_the_patient_of_their_folder_or_name(tmp_path: Path) -> None:
    for name in (
        "slides/A.tif",
        "slides/B/x.svs",
        "slides/B/y.svs",
        "slides/TCGA-A1-A0SB-01Z-00-DX1.0f.svs",
        "tiles/C/1.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = patient_images(tmp_path)
    assert {name: (len(one.slides), len(one.tiles)) for name, one in found.items()} == {
        "A": (1, 0),
        "B": (2, 0),
        "C": (0, 1),
        "TCGA-A1-A0SB": (1, 0),
    }
    assert list(patient_images(tmp_path, ["C", "D"])) == ["C"]


def test_a_known_patient_is_the_longest_that_begins_a_slide_s_name(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    for name in ("P_1_a.svs", "P_1_b.svs", "P_10.svs"):
        (tmp_path / "slides" / name).touch()
    found = patient_images(tmp_path, ["P", "P_1", "P_10"])
    assert {name: [path.name for path in one.slides] for name, one in found.items()} == {
        "P_1": ["P_1_a.svs", "P_1_b.svs"],
        "P_10": ["P_10.svs"],
    }


def test_pixels_of_an_mrxs_slide_are_no_patient(tmp_path: Path) -> None:
    (tmp_path / "slides" / "A").mkdir(parents=True)
    (tmp_path / "slides" / "A.mrxs").touch()
    (tmp_path / "slides" / "A" / "Data0001.dat").touch()
    assert list(patient_images(tmp_path)) == ["A"]


def test_a_patient_s_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiles" / "A").mkdir(parents=True)
    with pytest.raises(DataError, match=r"tiles/A: holds no image"):
        patient_images(tmp_path)
    with pytest.raises(DataError, match="nowhere: is no folder"):
        patient_images(tmp_path / "nowhere")
