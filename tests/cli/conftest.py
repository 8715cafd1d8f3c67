"""What the tests of commands share: they leave the process as it was, and work on two small patients."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_calls import ACDC, NETWORK, small_bundle
from tqdm import tqdm

from cladeseg.files import read_json, write_json
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.taxonomy import ANATOMICAL_AXES


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands replace the excepthook, and decide what is logged and which bars are shown."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(tqdm, "__init__", tqdm.__init__)
    monkeypatch.setenv("COLUMNS", "200")
    library = logging.getLogger("cladeseg")
    before = (list(library.handlers), library.level)
    yield
    library.handlers[:] = before[0]
    library.setLevel(before[1])


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients that nobody changes."""
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    write_acdc_phantoms(folder, patients=2, seed=1, shape=(24, 24, 4), spacing=(6.0, 6.0, 10.0))
    return folder


@pytest.fixture
def data(phantoms: Path, tmp_path: Path) -> Path:
    """Two patients to break."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose promoted weights are a small random network's, and whose tree allows every flip."""
    folder = tmp_path_factory.mktemp("bundle")
    made = small_bundle(folder, ACDC, NETWORK, spacing=[6.0, 6.0, -1.0], patch_size=[16, 16, 4])
    tree = read_json(made / "configs" / "taxonomy.json")
    write_json({**tree, "allowed_flips": list(ANATOMICAL_AXES)}, made / "configs" / "taxonomy.json")
    return made
