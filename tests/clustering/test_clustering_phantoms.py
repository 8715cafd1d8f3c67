"""Phantoms depend on their seed alone, and kinds differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cladeseg.clustering.objects import find_object, read_objects
from cladeseg.clustering.phantoms import draw_kind, phantom_picture, write_phantoms


def test_a_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in "ab":
        write_phantoms(tmp_path / name, seen=2, unseen=1, each=2, seed=3, side=48)
    one, other = (sorted((tmp_path / name).rglob("*.png")) for name in "ab")
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]


def test_seen_and_unseen_kinds_have_no_class_in_common(tmp_path: Path) -> None:
    seen, unseen = write_phantoms(tmp_path, seen=2, unseen=2, each=2, side=48)
    classes = [set(read_objects(folder).classes.values()) for folder in (seen, unseen)]
    assert classes == [{"kind1", "kind2"}, {"kind3", "kind4"}]


def test_a_phantom_is_an_object_on_a_dark_background() -> None:
    rng = np.random.default_rng(0)
    picture = phantom_picture(draw_kind(rng), rng) / 255
    mask = find_object(picture)
    assert 0.1 < mask.mean() < 0.6
    assert picture[mask].mean() > 2 * picture[~mask].mean()
