"""``cladeseg evaluate``: one result file a case, so that an interrupted one goes on and several processes share it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cli_calls import call
from typer.testing import Result

from cladeseg.segmentation.workflow import BundlePredictor

with_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")


def evaluate(bundle: Path, data: Path, run: Path, *more: Any) -> Result:
    fixed = ["--split", "all", "--device", "cpu", "--set", "fine_patients=all"]
    return call("evaluate", bundle, "--dataset", data, "--output", run, *fixed, *more)


def scores(run: Path) -> dict[str, bytes]:
    return {name: (run / "eval" / name).read_bytes() for name in ("metrics.csv", "metrics.json")}


@pytest.fixture(scope="module")
def whole(phantoms: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("whole")
    assert evaluate(bundle, phantoms, run).exit_code == 0
    return scores(run)


def test_an_interrupted_evaluation_goes_on_and_a_finished_one_is_set_aside(
    phantoms: Path, bundle: Path, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = BundlePredictor.predict, []

    def dies(self: BundlePredictor, image: Any) -> Any:
        calls.append(image)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, image)

    monkeypatch.setattr(BundlePredictor, "predict", dies)
    assert evaluate(bundle, phantoms, tmp_path).exit_code == 130
    assert not (tmp_path / "eval" / "metrics.json").exists()
    assert evaluate(bundle, phantoms, tmp_path).exit_code == 0
    assert len(calls) == 3 + 2, "what was finished is not scored again"
    assert not (tmp_path / "eval.1").exists()
    assert scores(tmp_path) == whole
    assert evaluate(bundle, phantoms, tmp_path, "--nsd-tolerance-mm", 1).exit_code == 0
    assert (tmp_path / "eval.1" / "metrics.csv").read_bytes() == whole["metrics.csv"]
    assert scores(tmp_path) != whole


def test_other_options_never_go_on_from_an_interrupted_evaluation(
    phantoms: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def dies(self: BundlePredictor, image: Any) -> Any:
        calls.append(image)
        raise KeyboardInterrupt

    monkeypatch.setattr(BundlePredictor, "predict", dies)
    evaluate(bundle, phantoms, tmp_path)
    evaluate(bundle, phantoms, tmp_path, "--keep-largest", "none")
    assert (tmp_path / "eval.1").is_dir()


@with_dask
@pytest.mark.timeout(900)  # several processes that import MONAI
def test_a_worker_writes_the_same_scores(phantoms: Path, bundle: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    result = evaluate(bundle, phantoms, tmp_path, "--workers", 1)
    assert (result.exit_code, result.exception) == (0, None)
    assert scores(tmp_path) == whole
