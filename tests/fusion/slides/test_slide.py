"""Slides: pixels lie where they are asked for at the resolution asked for; a missing resolution is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from stained_slide import glass, slide_with_tissue, write_slide

from cladeseg.files import DataError
from cladeseg.fusion.slides import open_slide

READERS = ["tifffile", "openslide"]


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    if "openslide" in request.node.name:
        pytest.importorskip("openslide")


def marked() -> np.ndarray:
    """A black square of 64 pixels at x = 256, y = 384."""
    image = glass((768, 1024))
    image[384:448, 256:320] = 0
    return image


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("pixels", "downsample"), [(64, 1), (32, 2), (16, 4), (20, 3.2)])
def test_a_region_shows_the_same_micrometres_at_every_level(
    tmp_path: Path, reader: str, pixels: int, downsample: float
) -> None:
    path = write_slide(tmp_path / "s.tif", marked())
    with open_slide(path, reader=reader) as slide:
        assert slide.microns_per_pixel == pytest.approx(0.5, rel=1e-3)
        found = slide.region(256, 384, microns=32, pixels=pixels)
        beside = slide.region(320, 384, microns=32, pixels=pixels)
    assert 64 / pixels == downsample
    assert found.shape == (pixels, pixels, 3)
    assert found.max() < 20
    assert beside.min() > 220


@pytest.mark.parametrize("reader", READERS)
def test_a_thumbnail_covers_the_whole_slide(tmp_path: Path, reader: str) -> None:
    path = write_slide(tmp_path / "s.tif", slide_with_tissue())
    with open_slide(path, reader=reader) as slide:
        thumbnail = slide.thumbnail(microns_per_pixel=4)
    assert thumbnail.shape == (96, 128, 3)
    assert thumbnail[:, :60].mean() < 215
    assert thumbnail[:, 68:].mean() > 240


def test_a_region_over_the_edge_is_glass(tmp_path: Path) -> None:
    path = write_slide(tmp_path / "s.tif", marked() * 0)
    with open_slide(path, reader="tifffile") as slide:
        assert slide.region(1000, 0, microns=32, pixels=64)[:, 24:].min() == 255


def test_an_overview_picture_is_no_level(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    with tifffile.TiffWriter(path) as file:
        options = {"photometric": "rgb", "resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
        file.write(marked(), tile=(128, 128), **options)
        file.write(glass((100, 300)), **options)
    with open_slide(path, reader="tifffile") as slide:
        assert slide.region(256, 384, microns=32, pixels=16).max() < 20


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("microns", [None, 25400 / 72])
def test_a_missing_or_printer_s_resolution_names_the_slide_and_the_option(
    tmp_path: Path, reader: str, microns: float | None
) -> None:
    path = write_slide(tmp_path / "s.tif", marked(), microns=microns)
    with pytest.raises(DataError, match=r"s\.tif: .*slide_microns_per_pixel"), open_slide(path, reader=reader):
        pass
    with open_slide(path, reader=reader, microns_per_pixel=0.25) as slide:
        assert slide.microns_per_pixel == 0.25


def test_a_file_that_is_no_slide_is_named_with_its_causes(tmp_path: Path) -> None:
    path = tmp_path / "s.svs"
    path.write_bytes(b"no slide at all")
    with pytest.raises(DataError, match=r"s\.svs: is no slide that can be opened .*tifffile"), open_slide(path):
        pass


def test_a_reader_that_is_not_installed_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_slide(tmp_path / "s.tif", marked())
    monkeypatch.setattr("cladeseg.fusion.slides.slide.find_spec", {}.get)
    with pytest.raises(DataError, match=r"s\.tif: reader 'cucim' is not installed"), open_slide(path, reader="cucim"):
        pass
