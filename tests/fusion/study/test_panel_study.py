"""The study of panels: conditions, merged classes, images of others, and the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from phantom_cohort import cohort_of

from cladeseg.benchmark.fusion import merged_classes, study_markdown
from cladeseg.files import DataError
from cladeseg.fusion.fitting import FitSettings, GeneSettings, NetworkSettings, TrainingSettings
from cladeseg.fusion.study import panels
from cladeseg.fusion.study.panels import PanelStudy, merged_cohort, study_table, with_images
from cladeseg.tasks import missing_tasks, run_tasks

SMALL = FitSettings(
    genes=GeneSettings(groups=3),
    network=NetworkSettings(width=8, image_components=4),
    training=TrainingSettings(inner_folds=2, epochs=2),
)


def test_merged_classes_leave_the_others_out() -> None:
    found = merged_cohort(cohort_of(30), {"early": ["a"], "late": ["c"]})
    assert len(found.patients) == 20
    assert np.bincount(found.classes).tolist() == [10, 10]
    assert found.tree.leaf_names[1:] == ("early", "late")
    with pytest.raises(DataError, match="'x' is no class; there are a, b, c"):
        merged_cohort(cohort_of(30), {"early": ["x"], "late": ["c"]})


@pytest.mark.parametrize("text", ["A", "A=x", "A=x,B=", "=x,B=y"])
def test_a_merge_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="merge: "):
        merged_classes(text)


def test_images_of_others_are_nobodys_own() -> None:
    cohort = cohort_of(20)
    found = with_images(cohort, "others", seed=0)
    assert set(found.bags) == set(cohort.bags)
    assert all(bag.patient != name for name, bag in found.bags.items())


def test_every_condition_is_computed_once_and_ends_in_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_read", lambda *_: cohort_of(48))
    study = PanelStudy("D", "C", folds=2, settings=SMALL)
    conditions = study.conditions(["2", "none"])
    assert len(conditions) == 6
    tasks = study.tasks(conditions, tmp_path)
    assert [end.message for end in run_tasks(study, missing_tasks(tasks))] == [None] * 6
    assert missing_tasks(tasks) == []
    table = study_table(conditions, tmp_path)
    own = table[(table["images"] == "own") & (table["panel"] == "2")]
    assert {"fusion", "genes: LR", "images: LR", "both: late fusion", "both: cross-attention"} <= set(own["method"])
    hidden = table[table["panel"] == "none"]
    assert set(hidden["method"]) == {"fusion", "images: LR", "images: network"}
    misled = {"fusion", "genes: LR", "genes: PCA + LR", "genes: network"}
    assert set(table[table["images"] == "others"]["method"]) == misled
    assert (table[table["method"] == "fusion"]["gain_f1"] == 0).all()
    text = "\n".join(study_markdown(table))
    assert "| method | 2 genes | none genes |" in text
