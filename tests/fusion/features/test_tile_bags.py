"""Features: cached by patient, made anew after any change, kept when interrupted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stained_slide import glass, slide_with_tissue, stained, write_slide
from torch import Tensor, nn

from cladeseg.files import DataError
from cladeseg.fusion.features import ImageSettings, TileBag, extraction, tile_bags
from cladeseg.fusion.features.backbone import Backbone


class Colours(nn.Module):
    """Mean of each channel."""

    def forward(self, tiles: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(tiles, 1).flatten(1)


class Counted(Backbone):
    """A backbone that counts the tiles it sees."""

    seen = 0

    def features(self, tiles: np.ndarray, **options: object) -> np.ndarray:
        Counted.seen += len(tiles)
        return super().features(tiles, **options)


@pytest.fixture(autouse=True)
def _small_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"1")
    Counted.seen = 0
    monkeypatch.setattr(extraction, "weights_file", lambda settings: weights)
    monkeypatch.setattr(extraction, "load_backbone", lambda settings: Counted(Colours(), (0.0,) * 3, (255.0,) * 3, "1"))


SETTINGS = ImageSettings(stain_normalisation=False)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for patient, seed in (("A", 0), ("B", 1)):
        for number in range(2):
            path = tmp_path / "data" / "tiles" / patient / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(stained((224, 224), seed=10 * seed + number)).save(path)
    write_slide(tmp_path / "data" / "slides" / "C.tif", slide_with_tissue())
    return tmp_path / "data"


def seen_by(dataset: Path, settings: ImageSettings = SETTINGS, **options: object) -> int:
    before = Counted.seen
    tile_bags(dataset, settings=settings, cache_dir=dataset.parent / "cache", **options)
    return Counted.seen - before


def test_bags_hold_the_features_of_each_patient_s_tiles(dataset: Path) -> None:
    bags = tile_bags(dataset, settings=SETTINGS, cache_dir=dataset.parent / "cache")
    assert {name: len(bag) for name, bag in bags.items()} == {"A": 2, "B": 2, "C": 6}
    expected = stained((224, 224), seed=1).mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(bags["A"].features[1], expected, rtol=1e-5)
    assert bags["C"].skipped == {"empty": 6}
    assert bags["A"].features.dtype == np.float32


def test_a_second_call_computes_nothing_and_gives_the_same(dataset: Path) -> None:
    first, second = (tile_bags(dataset, settings=SETTINGS, cache_dir=dataset.parent / "cache") for _ in range(2))
    assert Counted.seen == 10
    for name, bag in first.items():
        np.testing.assert_array_equal(bag.features, second[name].features)
        np.testing.assert_array_equal(bag.positions, second[name].positions)
        assert (bag.names, bag.skipped) == (second[name].names, second[name].skipped)


def test_features_of_some_patients_are_those_of_all(dataset: Path) -> None:
    assert seen_by(dataset, patients=["B", "missing"]) == 2
    assert seen_by(dataset) == 8


def test_a_changed_image_is_never_served_from_before(dataset: Path) -> None:
    seen_by(dataset)
    Image.fromarray(stained((224, 224), seed=99)).save(dataset / "tiles" / "A" / "0.png")
    assert seen_by(dataset) == 2
    (dataset / "tiles" / "A" / "1.png").unlink()
    assert seen_by(dataset) == 1
    (dataset / "tiles" / "A" / "0.png").rename(dataset / "tiles" / "A" / "2.png")
    assert seen_by(dataset) == 1


def test_a_change_that_keeps_size_and_time_of_writing_is_seen(dataset: Path) -> None:
    import os

    path = dataset / "tiles" / "A" / "0.bmp.tif"
    Image.fromarray(stained((224, 224), seed=5)).save(path)
    seen_by(dataset)
    before = path.stat()
    Image.fromarray(stained((224, 224), seed=6)).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert seen_by(dataset) == 3


def test_a_copied_data_set_is_not_computed_anew(dataset: Path) -> None:
    import shutil

    seen_by(dataset)
    shutil.copytree(dataset, dataset.with_name("copy"))
    assert seen_by(dataset.with_name("copy")) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"tile_size": 256},
        {"stain_normalisation": True},
        {"max_tiles": 1},
        {"microns_per_pixel": 0.6},
        {"min_sharpness": 1.0},
        {"seed": 1},
    ],
)
def test_a_changed_setting_is_never_served_from_before(dataset: Path, change: dict[str, object]) -> None:
    seen_by(dataset)
    assert seen_by(dataset, SETTINGS.model_copy(update=change)) > 0


def test_settings_that_change_no_feature_are_served_from_before(dataset: Path) -> None:
    seen_by(dataset)
    assert seen_by(dataset, SETTINGS.model_copy(update={"batch_size": 1, "device": "cpu"})) == 0


def test_other_weights_are_another_cache(dataset: Path, tmp_path: Path) -> None:
    seen_by(dataset)
    (tmp_path / "weights.pth").write_bytes(b"2")
    assert seen_by(dataset) == 10


def test_an_interrupted_call_keeps_what_it_has(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = extraction._bag, []

    def interrupted(name: str, *rest: object) -> TileBag:
        calls.append(name)
        if name == "C":
            raise KeyboardInterrupt
        return original(name, *rest)

    monkeypatch.setattr(extraction, "_bag", interrupted)
    with pytest.raises(KeyboardInterrupt):
        seen_by(dataset)
    monkeypatch.setattr(extraction, "_bag", original)
    assert calls == ["A", "B", "C"]
    assert seen_by(dataset) == 6


def test_a_torn_file_of_the_cache_is_made_anew(dataset: Path) -> None:
    seen_by(dataset)
    [torn] = (dataset.parent / "cache").rglob("A.npz")
    torn.write_bytes(torn.read_bytes()[:100])
    assert seen_by(dataset) == 2


def test_a_patient_without_a_usable_tile_is_named_after_all_others_are_kept(dataset: Path) -> None:
    for number in range(2):
        Image.fromarray(glass((224, 224))).save(dataset / "tiles" / "A" / f"{number}.png")
    with pytest.raises(DataError, match=r"A/0\.png: patient 'A' has no usable tile \(2 empty\)"):
        seen_by(dataset)
    (dataset / "tiles" / "A" / "0.png").write_bytes((dataset / "tiles" / "B" / "0.png").read_bytes())
    assert seen_by(dataset) == 1


def test_names_with_separators_stay_inside_the_cache(dataset: Path) -> None:
    (dataset / "tiles" / "A").rename(dataset / "tiles" / "A%2F b")
    assert seen_by(dataset) == 10
    assert seen_by(dataset) == 0


def test_a_folder_without_images_gives_no_bag(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert tile_bags(tmp_path / "empty", settings=SETTINGS, cache_dir=tmp_path / "cache") == {}


@pytest.mark.parametrize(
    ("features", "positions"),
    [
        (np.ones((1, 3)), np.ones((2, 2))),
        (np.ones((2, 3)), np.ones((2, 3))),
        (np.full((2, 3), np.nan), np.ones((2, 2))),
    ],
)
def test_a_bag_that_does_not_fit_is_refused(features: np.ndarray, positions: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"^P: features"):
        TileBag(patient="P", features=features, positions=positions, names=("a", "b"), skipped={})
