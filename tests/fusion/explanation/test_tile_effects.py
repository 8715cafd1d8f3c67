"""Explanations: the tile that matters is found whatever attention says, and lies where it was cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from stained_slide import slide_with_tissue, stained, write_slide

from cladeseg.files import DataError
from cladeseg.fusion.explanation import TileEffects, draw_explanation, tile_effects, write_tile_table
from cladeseg.fusion.features import ImageSettings, TileBag

CORNERS = [(x, y) for y in (0, 224, 448) for x in (0, 224)]


def bag_of(values: list[float], *, names: tuple[str, ...] | None = None, loose: bool = True) -> TileBag:
    positions = np.full((len(values), 2), np.nan) if loose else np.array(CORNERS[: len(values)]) * 0.5
    return TileBag(
        patient="P",
        features=np.array(values, np.float32)[:, None],
        positions=positions.astype(np.float32),
        names=names or tuple(f"{i}.png" for i in range(len(values))),
        skipped={"empty": 2},
    )


def largest(bag: TileBag) -> float:
    return float(bag.features.max())


def test_the_one_tile_that_matters_is_found_though_attention_lies_elsewhere() -> None:
    effects = tile_effects(bag_of([0.1, 0.9, 0.2]), np.array([0.8, 0.1, 0.1]), largest)
    np.testing.assert_allclose(effects.effect, [0, 0.7, 0], atol=1e-6)
    assert effects.agreement == pytest.approx(-0.5)


def test_agreement_is_full_where_attention_follows_the_effect() -> None:
    def weighted(bag: TileBag) -> float:
        return float(bag.features.sum())

    effects = tile_effects(bag_of([0.1, -0.9, 0.4]), np.array([0.1, 0.6, 0.3]), weighted)
    assert effects.agreement == pytest.approx(1.0)


def test_effects_that_round_to_nothing_have_no_order() -> None:
    effects = TileEffects(bag_of([1, 2, 3]), np.array([0.2, 0.5, 0.3]), np.array([0.0, 2e-4, -1e-4]))
    assert effects.agreement is None


def test_a_single_tile_has_no_effect_to_measure() -> None:
    effects = tile_effects(bag_of([0.3]), np.ones(1), largest)
    assert np.isnan(effects.effect).all()
    assert effects.agreement is None


@pytest.mark.parametrize("attention", [np.ones(2), np.array([0.5, -0.5, 1.0]), np.array([0.5, np.nan, 0.5])])
def test_attention_that_does_not_fit_is_refused(attention: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"^P: attention"):
        TileEffects(bag_of([1, 2, 3]), attention, np.zeros(3))


def test_the_table_holds_every_tile_by_attention(tmp_path: Path) -> None:
    effects = TileEffects(bag_of([1, 2, 3]), np.array([0.2, 0.5, 0.3]), np.array([0.0, 0.1, -0.1]))
    table = pd.read_csv(write_tile_table(effects, tmp_path / "tiles.csv"))
    assert table["tile"].tolist() == ["1.png", "2.png", "0.png"]
    assert table["effect"].tolist() == [0.1, -0.1, 0.0]


def test_the_tile_with_all_attention_is_painted_where_it_was_cut(tmp_path: Path) -> None:
    """Pictures with the attention on one tile or another differ there and nowhere else in the second panel."""
    write_slide(tmp_path / "slides" / "P.tif", slide_with_tissue())
    names = tuple(f"P.tif@{x},{y}" for x, y in CORNERS)
    pictures = []
    for chosen in (0, 5):
        effects = TileEffects(bag_of([0.0] * 6, names=names, loose=False), np.eye(6)[chosen], np.zeros(6))
        path = tmp_path / f"{chosen}.png"
        draw_explanation(effects, tmp_path, path, settings=ImageSettings(), title="P")
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
    rows, columns = np.nonzero(np.abs(pictures[0] - pictures[1]).sum(axis=-1))
    height, width = pictures[0].shape[:2]
    assert 0.25 * width < columns.min() < columns.max() < 0.5 * width
    above, below = rows[rows < height / 2], rows[rows > height / 2]
    assert len(above) > 500
    assert len(below) > 500
    assert columns[rows < height / 2].max() < columns[rows > height / 2].max()


def test_loose_tiles_are_shown_by_attention(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "tiles" / "P" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stained((64, 64), seed=number)).save(path)
    effects = TileEffects(bag_of([1, 2, 3]), np.array([0.2, 0.5, 0.3]), np.full(3, np.nan))
    path = draw_explanation(effects, tmp_path, tmp_path / "p.png", settings=ImageSettings(), title="P")
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5
