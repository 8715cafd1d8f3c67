"""Phantoms tell apart what they are asked to, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cladeseg.files import DataError
from cladeseg.fusion.phantoms import Appearance, FusionPhantom, generate_expression, tissue_tile, write_tiles

LABELS = {f"P{i}": ("LumA", "LumB", "Basal")[i % 3] for i in range(300)}
TELL = (("LumA", "LumB"), ("Basal",))


def test_expression_tells_groups_apart_and_not_their_members() -> None:
    table = generate_expression(LABELS, FusionPhantom(genes_tell=TELL, distance=9.0))
    means = table.iloc[:, :20].groupby(pd.Series(LABELS)).mean()
    assert np.abs(means.loc["LumA"] - means.loc["LumB"]).max() < 0.6
    assert np.linalg.norm(means.loc["LumA"] - means.loc["Basal"]) > 4
    assert (table.to_numpy() >= 0).all()


def test_tiles_of_a_group_look_alike_and_others_do_not(tmp_path: Path) -> None:
    labels = {"A": "LumA", "B": "LumB", "C": "Basal"}
    write_tiles(tmp_path, labels, FusionPhantom(images_tell=TELL, tiles=2, tumour=1.0, spread=0.0, size=96))
    dark = {n: np.mean([np.asarray(Image.open(f))[..., 0] < 130 for f in (tmp_path / n).glob("*.png")]) for n in labels}
    assert abs(dark["A"] - dark["B"]) < 0.03
    assert dark["A"] - dark["C"] > 0.1


def test_nobody_changes_the_tiles_of_another_patient(tmp_path: Path) -> None:
    phantom = FusionPhantom(tiles=1, size=32)
    write_tiles(tmp_path / "one", {"A": "LumA", "B": "LumB"}, phantom)
    write_tiles(tmp_path / "other", {"B": "LumB"}, phantom)
    assert (tmp_path / "one/B/00.png").read_bytes() == (tmp_path / "other/B/00.png").read_bytes()


def test_density_is_the_share_of_nuclei() -> None:
    tile = tissue_tile(Appearance(0.3, 2.0), 128, np.random.default_rng(0))
    assert (tile[..., 0] < 130).mean() == pytest.approx(0.3, abs=0.02)


def test_a_class_without_a_group_is_named() -> None:
    with pytest.raises(DataError, match="class 'HER2' is in no group"):
        generate_expression({"A": "HER2"}, FusionPhantom(genes_tell=TELL))
