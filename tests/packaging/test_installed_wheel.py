"""What the README promises, with nothing but the installed wheel: no checkout, no development packages.

Runs in an environment of its own: ``make test-wheel``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import cladeseg

#: The environment's Python.
PYTHON = os.environ.get("CLADESEG_WHEEL_PYTHON", "")
if not PYTHON:
    pytest.skip("there is no environment with the wheel here; make test-wheel", allow_module_level=True)
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).parents[2]
TREE = """
name: hippocampus
nodes:
  - {name: background, values: {msd: 0}}
  - {name: hippocampus}
  - {name: anterior, parent: hippocampus, values: {msd: 1}}
  - {name: posterior, parent: hippocampus, values: {msd: 2}}
"""
CASES = 10
#: A training of seconds.
SHORT = {
    "device": "cpu",
    "fine_patients": 2,
    "epochs": 1,
    "settings#optimizer#steps_per_epoch": 2,
    "settings#optimizer#validation_interval": 1,
    "settings#network#filters": 4,
}
Run = Callable[..., str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder outside the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    assert not folder.is_relative_to(REPOSITORY)
    return folder


@pytest.fixture(scope="module")
def run(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python of the environment, in the empty folder, without anything that points to the checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL", "CLADESEG"))}
    env = {**kept, "HOME": str(tmp_path_factory.mktemp("home"))}

    def call(*arguments: object, cwd: Path = place) -> str:
        command = [PYTHON, *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    return call


@pytest.fixture(scope="module")
def package(run: Run) -> Path:
    """The installed package's folder."""
    return Path(run("-c", "import cladeseg; print(cladeseg.__file__)").strip()).parent


@pytest.fixture(scope="module")
def untouched(package: Path) -> dict[str, str]:
    """Its files before any other test has run, with their hashes."""
    return hashes(package)


@pytest.fixture(scope="module")
def phantoms(run: Run, place: Path, untouched: dict[str, str]) -> Path:
    script(run, "phantoms", "phantoms", "--layout", "msd", "--patients", CASES)
    return place / "phantoms"


@pytest.fixture(scope="module")
def bundle(run: Run, place: Path, phantoms: Path) -> Path:
    (place / "tree.yaml").write_text(TREE)
    script(run, "new-bundle", "knee", "--taxonomy", "tree.yaml", "--layout", "msd", "--dataset", phantoms)
    return place / "knee"


@pytest.fixture(scope="module")
def trained(run: Run, place: Path, phantoms: Path, bundle: Path) -> Path:
    options = {"dataset_dir": phantoms, "output_dir": place / "R", **SHORT}
    monai_bundle(run, bundle, "training", "configs/train.json", options)
    return place / "R"


@pytest.fixture(scope="module")
def shipped_trained(run: Run, place: Path, package: Path, phantoms: Path) -> Path:
    """A training of a shipped bundle, which would put its weights into a bundle of one's own."""
    bundle = package / "shipped" / "bundles" / "hippocampus_subclass_segmentation"
    options = {"dataset_dir": phantoms, "output_dir": place / "S", **SHORT, "promote": True}
    monai_bundle(run, bundle, "training", "configs/train.json", options)
    return place / "S"


@pytest.fixture(scope="module")
def demo(run: Run, place: Path, untouched: dict[str, str]) -> Path:
    script(run, "demo", "--output", "demo", "--epochs", 1)
    return place / "demo"


def script(run: Run, *arguments: object) -> str:
    """The command ``cladeseg`` as pip has installed it."""
    return run("-I", Path(PYTHON).with_name("cladeseg"), *arguments)


def monai_bundle(run: Run, bundle: Path, stage: str, config: object, options: Mapping[str, Any]) -> None:
    flags = [part for key, value in options.items() for part in (f"--{key}", value)]
    run("-m", "monai.bundle", "run", stage, "--config_file", config, *flags, cwd=bundle)


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_package_comes_from_the_wheel(run: Run, package: Path) -> None:
    assert not package.is_relative_to(REPOSITORY / "src")
    assert run("-c", "import cladeseg; print(cladeseg.__version__)").strip() == cladeseg.__version__
    environment = "from importlib.util import find_spec; print([bool(find_spec(n)) for n in ('pytest', 'mypy')])"
    assert run("-c", environment).strip() == "[False, False]"


def test_help_lists_the_commands(run: Run) -> None:
    assert {"new-bundle", "demo", "predict"} <= set(script(run, "--help").split())


def test_every_module_can_be_imported(run: Run, package: Path) -> None:
    """Nothing imports a development package; MONAI Label is an extra."""
    modules = sorted(
        ".".join(("cladeseg", *file.relative_to(package).with_suffix("").parts)) for file in package.rglob("*.py")
    )
    code = f"import importlib; [importlib.import_module(name) for name in {modules!r}]"
    run("-c", code)


def test_shipped_bundles_and_overlays_are_found_in_the_package(run: Run, package: Path) -> None:
    code = "from cladeseg.bundle.shipped import *; print(find_bundle('acdc'), shipped_config('demos/acdc'))"
    found = [Path(text) for text in run("-c", code).split()]
    assert found == [
        package / "shipped" / "bundles" / "acdc_subclass_segmentation",
        package / "shipped" / "configs" / "demos" / "acdc.json",
    ]


def test_a_shipped_grid_finds_its_bundle_and_overlays(run: Run, package: Path, place: Path) -> None:
    grid = package / "shipped" / "configs" / "benchmarks" / "smoke.json"
    assert "ours" in script(run, "benchmark", "labels", grid, "--output", place / "smoke", "--dry-run")


def test_a_new_bundle_is_valid(run: Run, bundle: Path) -> None:
    assert "no problem found" in script(run, "validate", bundle)


def test_a_new_bundle_trains(trained: Path) -> None:
    rows = list(csv.DictReader((trained / "history.csv").open(newline="")))
    assert [row["epoch"] for row in rows] == ["1"]
    assert (trained / "models" / "model.safetensors").is_file()


def test_a_training_is_evaluated(run: Run, phantoms: Path, bundle: Path, trained: Path) -> None:
    files = ["configs/train.json", "configs/evaluate.json"]
    monai_bundle(run, bundle, "evaluating", files, {"dataset_dir": phantoms, "output_dir": trained, "device": "cpu"})
    summary = json.loads((trained / "eval" / "metrics.json").read_text())
    assert {"anterior", "posterior"} <= set(summary["nodes"])


def test_images_are_predicted_on_their_own_grid(
    run: Run, place: Path, phantoms: Path, bundle: Path, trained: Path
) -> None:
    image = sorted((phantoms / "imagesTr").glob("*.nii.gz"))[0]
    weights = trained / "models" / "model.safetensors"
    script(run, "predict", image, place / "masks", "--bundle", bundle, "--weights", weights, "--device", "cpu")
    (mask,) = (nib.load(file) for file in (place / "masks").glob("*.nii.gz"))
    assert mask.shape == nib.load(image).shape
    assert np.allclose(mask.affine, nib.load(image).affine, atol=1e-4)
    assert set(np.unique(np.asanyarray(mask.dataobj))) <= {0, 1, 2}


def test_the_shipped_weights_predict(run: Run, place: Path, phantoms: Path) -> None:
    image = sorted((phantoms / "imagesTr").glob("*.nii.gz"))[0]
    code = (
        "import sys; from cladeseg.bundle.shipped import find_bundle\n"
        "from cladeseg.segmentation.workflow import load_predictor\n"
        "print(tuple(load_predictor(find_bundle('hippocampus'), device='cpu')(sys.argv[1]).shape))"
    )
    assert str(nib.load(image).shape).strip("()") in run("-c", code, image)


def test_the_demo_ends_with_its_table(demo: Path) -> None:
    assert "mean of leaves" in (demo / "demo.md").read_text()


def test_nothing_is_written_into_the_installed_package(
    package: Path, untouched: dict[str, str], shipped_trained: Path, demo: Path
) -> None:
    assert (shipped_trained / "models" / "model.safetensors").is_file()
    assert demo.is_dir()
    assert hashes(package) == untouched
