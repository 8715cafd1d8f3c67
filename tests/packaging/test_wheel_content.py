"""The wheel holds what the package opens at run time, the shipped bundles and overlays, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

import cladeseg

REPOSITORY = Path(__file__).parents[2]
#: What trainings, benchmarks, builds and people leave behind in a checkout; none of it is anybody else's business.
LITTER = (
    "bundles/acdc_subclass_segmentation/models/model.pt",
    "bundles/acdc_subclass_segmentation/models/model.safetensors",
    "bundles/acdc_subclass_segmentation/runs/1/models/model.pt",
    "bundles/hippocampus_subclass_segmentation/eval/metrics.json",
    "bundles/hippocampus_subclass_segmentation/models/model.pt.1",
    "bundles/acdc_subclass_segmentation/configs/.12.train.json.swp",
    "configs/profiles/notes.txt",
    "demo/demo.md",
    "build/lib/cladeseg/shipped/configs/demos/removed.json",
    "build/lib/cladeseg/removed.py",
)
#: Setuptools also takes what its list of an earlier build names.
OLD_LIST = "src/cladeseg.egg-info/SOURCES.txt"
MAX_BYTES = 10_000_000

pytest.importorskip("setuptools", minversion="77", reason="builds the wheel without a network: needs setuptools here")


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Files of the checkout that git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    return [name for name in listed if (REPOSITORY / name).is_file()]


@pytest.fixture(scope="module")
def checkout(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to build in, with litter."""
    root = tmp_path_factory.mktemp("checkout")
    for name in (*tracked, *LITTER):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name in tracked:
            shutil.copyfile(REPOSITORY / name, root / name)
        else:
            (root / name).write_text("{}")
    (root / OLD_LIST).parent.mkdir()
    (root / OLD_LIST).write_text("\n".join(name for name in LITTER if name.startswith("bundles/")))
    return root


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(checkout, tmp_path_factory.mktemp("dist"))


def build_wheel(source: Path, folder: Path) -> Path:
    run(["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, source])
    (built,) = folder.glob("*.whl")
    return built


def run(arguments: list[str | Path], cwd: Path = REPOSITORY) -> str:
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def backend(hook: str, checkout: Path, folder: Path) -> Path:
    """What one of the build backend's hooks makes of a checkout."""
    code = f"import setuptools.build_meta as backend; print(backend.{hook}({str(folder)!r}))"
    return folder / run(["-c", code], cwd=checkout).splitlines()[-1]


def content(wheel: Path, below: str = "cladeseg/") -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name.removeprefix(below): archive.read(name) for name in archive.namelist() if name.startswith(below)}


def metadata(wheel: Path) -> Message:
    (name,) = (name for name in content(wheel, "") if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(content(wheel, "")[name])


def test_every_file_of_the_package_travels_and_no_other(wheel: Path, tracked: list[str]) -> None:
    """Also the ones that are no Python: templates, the metadata schema, py.typed."""
    source = "src/cladeseg/"
    inside = {name for name in content(wheel) if not name.startswith("shipped/")}
    assert inside == {name.removeprefix(source) for name in tracked if name.startswith(source)}


def test_bundles_and_overlays_travel_without_results_and_litter(wheel: Path, tracked: list[str]) -> None:
    wanted = {name for name in tracked if name.startswith(("bundles/", "configs/")) and "/docs/results/" not in name}
    shipped = content(wheel, "cladeseg/shipped/")
    assert set(shipped) == wanted
    assert all(shipped[name] == (REPOSITORY / name).read_bytes() for name in wanted)


def test_the_hippocampus_weights_travel(wheel: Path) -> None:
    folder = "bundles/hippocampus_subclass_segmentation/models"
    weights = {name for name in content(wheel, f"cladeseg/shipped/{folder}/") if name.startswith("model.")}
    assert weights == {"model.json", "model.pt", "model.safetensors"}


def test_the_wheel_is_small_and_puts_nothing_beside_the_package(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_BYTES
    assert {name.split("/")[0] for name in content(wheel, "")} == {
        "cladeseg",
        f"cladeseg-{cladeseg.__version__}.dist-info",
    }
    litter = (".csv", ".svg", ".pyc", ".gz")
    assert [name for name in content(wheel) if name.endswith(litter)] == ["report/vendor/niivue-0.69.0.umd.js.gz"]


def test_a_wheel_made_from_the_sdist_is_the_same(
    checkout: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sdist")
    sdist = backend("build_sdist", checkout, folder)
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert not [name for name in names if name in LITTER or name.startswith("tests/") or "/docs/results" in name]
    assert content(build_wheel(sdist, folder)) == content(wheel)


def test_an_editable_install_copies_nothing(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It finds the checkout's own bundles, and sees each change of them."""
    editable = backend("build_editable", checkout, tmp_path_factory.mktemp("editable"))
    assert not [name for name in content(editable, "") if "shipped/" in name]
    assert not (checkout / "src" / "cladeseg" / "shipped").exists()


def test_the_metadata_say_version_licence_and_pythons(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["Version"] == cladeseg.__version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["License-File"] == "LICENSE"
    assert said["Requires-Python"] == ">=3.10"
    pythons = {line.rsplit(" ")[-1] for line in said.get_all("Classifier", []) if "Python :: 3." in line}
    assert pythons == {"3.10", "3.11", "3.12", "3.13"}
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert b"cladeseg = cladeseg.cli:app" in b"".join(content(wheel, "").values())
