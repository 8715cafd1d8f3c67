"""Panels take informative genes of every class; groups cover genes that vary together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.fusion.genes import choose_panel, gene_groups, read_pathways

NAMES = tuple(f"g{i}" for i in range(12))


def correlated(seed: int = 0) -> np.ndarray:
    """Genes 0–5 follow one factor, genes 6–11 another."""
    generator = np.random.default_rng(seed)
    factors = generator.normal(size=(80, 2))
    return np.repeat(factors, 6, axis=1) + 0.3 * generator.normal(size=(80, 12))


def test_genes_that_vary_together_are_one_group() -> None:
    groups = gene_groups(correlated(), NAMES, count=2)
    assert sorted(map(sorted, groups.values())) == [list(range(6)), list(range(6, 12))]
    assert all(name.split()[0] in NAMES for name in groups)


def test_groups_depend_on_nothing_but_what_they_are_given() -> None:
    assert gene_groups(correlated(), NAMES, count=4) == gene_groups(correlated(), NAMES, count=4)


def test_a_small_panel_still_has_two_groups_with_genes() -> None:
    groups = gene_groups(correlated()[:, :3], NAMES[:3], count=16)
    assert len(groups) == 2
    assert sorted(column for columns in groups.values() for column in columns) == [0, 1, 2]
    same = np.ones((10, 6))
    assert min(map(len, gene_groups(same, NAMES[:6], count=3).values())) > 0


def test_pathways_are_matched_by_name_and_the_rest_is_a_group() -> None:
    pathways = {"cycle": ["g1", "unknown", "g0"], "hormone": ["g1", "g5"], "absent": ["x"]}
    groups = gene_groups(correlated(), NAMES, count=2, pathways=pathways)
    assert groups["cycle"] == [1, 0]
    assert groups["hormone"] == [1, 5]
    assert groups["other genes"] == [2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert "absent" not in groups


def test_one_group_is_refused() -> None:
    with pytest.raises(DataError, match="two groups"):
        gene_groups(correlated(), NAMES, count=2, pathways={"absent": ["x"]})
    with pytest.raises(DataError, match="has 1 gene"):
        gene_groups(correlated()[:, :1], NAMES[:1], count=2)


def test_a_panel_serves_the_rare_class_too() -> None:
    generator = np.random.default_rng(0)
    classes = np.array([0] * 60 + [1] * 60 + [2] * 6)
    expression = generator.normal(size=(126, 20))
    expression[:, 1:8] += 4.0 * (classes == 0)[:, None]
    expression[:, 9] += 3.0 * (classes == 2)
    assert 9 in choose_panel(expression, classes, 4)
    assert set(choose_panel(expression, classes, 2)) <= {*range(1, 8), 9}
    assert choose_panel(expression, classes, 50).tolist() == list(range(20))


def test_a_panel_looks_at_no_patient_of_unknown_class() -> None:
    generator = np.random.default_rng(1)
    expression, classes = generator.normal(size=(40, 6)), np.arange(40) % 2
    expression[:, 2] += 2.0 * classes
    hidden = np.where(np.arange(40) < 20, classes, -1)
    changed = expression.copy()
    changed[20:] = generator.normal(size=(20, 6)) * 9
    assert choose_panel(expression, hidden, 3).tolist() == choose_panel(changed, hidden, 3).tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\tcomment\n", "line 1: 'a' has no gene"),
        ("a\tc\tG1\na\tc\tG2\n", "line 2: pathway 'a' is there twice"),
        ("\n", "no pathway"),
    ],
)
def test_a_faulty_gmt_file_is_refused_with_the_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_pathways(path)
    with pytest.raises(DataError, match=r"nowhere\.gmt"):
        read_pathways(tmp_path / "nowhere.gmt")


def test_a_gmt_file_gives_names_and_genes(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("cycle\thttp://x\tCDK1\tMKI67\t\nhormone\t\tESR1\n")
    assert read_pathways(path) == {"cycle": ("CDK1", "MKI67"), "hormone": ("ESR1",)}
