"""A JSON file that is damaged or written wrongly is read, or refused by an error of ours in one line, in time."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from json_mutations import mutated
from laid_out import WRITERS, write_json

from cladeseg.bundle.run_folder import RunFolder, made_with, start_run, unlock_run
from cladeseg.bundle.weights_record import WEIGHT_FILES, sha256_of, with_own_sha256
from cladeseg.files import DataError
from cladeseg.segmentation.data import RECORD, cases_of, load_datalist, scan
from cladeseg.segmentation.workflow import TrainingSettings, trained_model
from cladeseg.segmentation.workflow.inference import model_network
from cladeseg.segmentation.workflow.output_files import recorded_files
from cladeseg.segmentation.workflow.plan import bundle_plan, settings_with
from cladeseg.segmentation.workflow.prediction_run import PredictionSettings, _is_continued
from cladeseg.taxonomy import TaxonomyError, load_taxonomy

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"
TREE = BUNDLE / "configs" / "taxonomy.json"
MUTATIONS = 40
SECONDS = 5
Read = Callable[[Path], Any]


@contextmanager
def in_time() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still reading after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---- what reads which file -------------------------------------------------------------------------------------------


def _layout(name: str, file: str) -> Callable[[Path], tuple[Path, Read]]:
    def prepare(root: Path) -> tuple[Path, Read]:
        WRITERS[name](root)
        return root / file, lambda _: [scan(root, layout) for layout in ("auto", name)]

    return prepare


def _datalist(root: Path) -> tuple[Path, Read]:
    shutil.copy(BUNDLE / "models" / "datalist.json", root)
    tree = load_taxonomy(TREE)
    content = json.loads((root / "datalist.json").read_text(encoding="utf-8"))
    small = {key: value[:3] if isinstance(value, list) else value for key, value in content.items()}
    write_json(root, "datalist.json", small)
    return root / "datalist.json", lambda file: cases_of(load_datalist(file, tree), "all", root)


def _taxonomy(name: str) -> Callable[[Path], tuple[Path, Read]]:
    def prepare(root: Path) -> tuple[Path, Read]:
        return Path(shutil.copy(TREE, root / name)), load_taxonomy

    return prepare


def _train(root: Path) -> tuple[Path, Read]:
    shutil.copytree(BUNDLE / "configs", root / "configs")

    def read(file: Path) -> Any:
        settings_with(root, {})
        plan = bundle_plan(root)
        return plan.network, plan.inference

    return root / "configs" / "train.json", read


def _model(root: Path) -> tuple[Path, Read]:
    shutil.copytree(BUNDLE / "configs", root / "configs", ignore=shutil.ignore_patterns("metadata.json"))
    shutil.copytree(BUNDLE / "models", root / "models")

    def read(file: Path) -> Any:
        _seal(file)
        return model_network(trained_model(root / "R", root), load_taxonomy(TREE))

    return root / "models" / "model.json", read


def _seal(file: Path) -> None:
    """The record as it would be if somebody had stored the mutated description: the hash alone must not save us."""
    try:
        content = json.loads(file.read_bytes())
        hashes = {name: sha256_of(file.with_name(name)) for name in WEIGHT_FILES}
        file.write_text(json.dumps(with_own_sha256({**content, "sha256": hashes})), encoding="utf-8")
    except (ValueError, TypeError, RecursionError, UnicodeError):
        return


def _run(root: Path) -> tuple[Path, Read]:
    settings, tree, folder = TrainingSettings(), load_taxonomy(TREE), RunFolder(root)
    write_json(root, "run.json", made_with(settings, tree))
    folder.state.parent.mkdir()
    folder.state.touch()

    def read(file: Path) -> None:
        try:
            start_run(folder, settings=settings, taxonomy=tree, resume=True)
        finally:
            unlock_run(folder)

    return root / "run.json", read


def _prediction(root: Path) -> tuple[Path, Read]:
    options = {
        "label_convention": "msd",
        "modalities": None,
        "overlap": 0.25,
        "profile": "best",
        "flips": [],
        "output_format": None,
    }
    settings = PredictionSettings(weights="a" * 64, **options)  # type: ignore[arg-type]
    write_json(root, RECORD, {"settings": asdict(settings), "files": ["a.nii.gz"], "command": ["cladeseg"]})

    def read(file: Path) -> None:
        recorded_files(root)
        _is_continued(file, settings)

    return root / RECORD, read


READERS: dict[str, Callable[[Path], tuple[Path, Read]]] = {
    "Decathlon": _layout("msd", "dataset.json"),
    "nnU-Net": _layout("nnunet", "dataset.json"),
    "MONAI's datalist": _layout("datalist", "cases.json"),
    "datalist": _datalist,
    "tree": _taxonomy("taxonomy.json"),
    "tree in YAML": _taxonomy("taxonomy.yaml"),
    "settings": _train,
    "description of weights": _model,
    "record of a run": _run,
    "record of a prediction": _prediction,
}


@pytest.mark.parametrize("kind", READERS)
def test_a_mutated_file_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    file, read = READERS[kind](tmp_path)
    sound = json.loads(file.read_text(encoding="utf-8"))
    with in_time():
        read(file)
    refused = 0
    for seed in range(MUTATIONS):
        text = mutated(sound, seed)
        file.write_bytes(text)
        try:
            with in_time():
                read(file)
        except (DataError, TaxonomyError) as error:
            refused += 1
            assert "\n" not in str(error), (seed, str(error))
        except Exception as error:
            error.add_note(f"{kind}, seed {seed}: {text[:600]!r}")
            raise
    assert refused > MUTATIONS // 3, "most mutations should matter"
