"""The study: resumable, paired, and refused with other settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.files import DataError
from cladeseg.omics.model import ModelOptions
from cladeseg.omics.phantoms import write_omics_phantom
from cladeseg.omics.study import (
    CellKey,
    StudyPlan,
    coarse_gain,
    read_study,
    results_markdown,
    run_study,
    study_cells,
    study_page,
    study_table,
)
from cladeseg.omics.study.conditions import stress_conditions

TREE = Path(__file__).parents[3] / "bundles" / "omics_subtype_classification" / "configs" / "taxonomy.json"
CELLS = [CellKey(0.2, 0), CellKey(0.2, 1), CellKey(0.2, 0, coarse=1.0)]


def test_cells_are_kept_compared_and_shown(tmp_path: Path) -> None:
    plan = StudyPlan(
        str(write_omics_phantom(tmp_path / "data", 80)), str(TREE), options=ModelOptions(components=8, folds=2)
    )
    results = run_study(plan, CELLS, tmp_path / "cells", workers=1)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "cells").iterdir()}
    again = run_study(plan, CELLS, tmp_path / "cells", workers=1)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "cells").iterdir()}
    assert len(again) == len(results)
    table = study_table(results)
    clean = table[(table["condition"] == "clean") & (table["coarse"] == 0)].set_index("method")
    assert clean.loc["ours", "difference"] == 0
    expected = clean.loc["ours", "mean"] - clean.loc["pca_lr", "mean"]
    assert clean.loc["pca_lr", "difference"] == pytest.approx(expected)
    assert coarse_gain(results)["n"] == 1
    assert "Superclass labels" in study_page(results, tmp_path / "report.html").read_text()
    assert len(read_study(tmp_path / "cells")) == len(results)
    text = results_markdown(results, title="T", command="C")
    assert "ours, others dropped" not in text.split("## Superclass labels")[0]
    other = StudyPlan(plan.dataset_dir, plan.tree, options=ModelOptions(components=9, folds=2))
    with pytest.raises(DataError, match="other settings"):
        run_study(other, CELLS, tmp_path / "cells", workers=1)


def test_stress_is_the_same_for_the_same_seed() -> None:
    import numpy as np

    table = {"mrna": np.random.default_rng(0).normal(size=(6, 4)), "meth": np.random.default_rng(1).normal(size=(6, 3))}
    one, other = stress_conditions(table, table, 0), stress_conditions(table, table, 0)
    assert all(np.array_equal(one[n]["mrna"], other[n]["mrna"], equal_nan=True) for n in one)
    assert np.isnan(one["without mrna"]["mrna"]).all()
    assert np.array_equal(one["clean"]["meth"], table["meth"])


def test_every_draw_has_every_part_and_where_all_labels_are_shown_one_is_enough() -> None:
    cells = study_cells((0.1, 1.0), draws=3, seed=2)
    parts = {
        part: [(c.share, c.draw) for c in cells if c.part == part and not c.coarse] for part in ("slow", "ablations")
    }
    assert all(sorted(one) == [(0.1, 0), (0.1, 1), (0.1, 2), (1.0, 0)] for one in parts.values())
    assert len({c.name for c in cells}) == len(cells)
    assert {c.part for c in study_cells((0.1,), draws=2, further=0)} == {"main"}
