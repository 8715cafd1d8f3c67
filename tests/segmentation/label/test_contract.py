"""What MONAI Label and our bundles owe each other, over real HTTP on loopback.

Runs in an environment of its own: ``make test-label``.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import psutil
import pytest
from phantom_bundles import LAST, TASKS, Case, bundle_with_weights, write_studies

from cladeseg.bundle.weights_record import WEIGHT_FILES
from cladeseg.segmentation.label import LabelServer, free_port, prepare_app, running_server
from cladeseg.segmentation.label.server import stop

if find_spec("monailabel") is None:
    pytest.skip("MONAI Label is not installed here; make test-label", allow_module_level=True)
requests = pytest.importorskip("requests")

# A server loads PyTorch, and so does each training that it starts.
pytestmark = [pytest.mark.monailabel, pytest.mark.timeout(3600)]

PATIENCE = 1800
LABELLED = 3


class Served(NamedTuple):
    """A bundle behind a server, and the phantoms whose images it was started with."""

    task: str
    bundle: Path
    cases: list[Case]
    server: LabelServer

    def get(self, path: str) -> Any:
        answer = requests.get(self.server.url + path, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, **request: Any) -> Any:
        answer = requests.post(self.server.url + path, timeout=PATIENCE, **request)
        assert answer.ok, answer.text + self.log[-4000:]
        return answer

    def put_label(self, case: Case) -> None:
        url = f"{self.server.url}/datastore/label?image={case.name}&tag=final"
        with case.label.open("rb") as file:
            assert requests.put(url, files={"label": file}, data={"params": "{}"}, timeout=PATIENCE).ok

    def train(self, epochs: int) -> None:
        settings = {"max_epochs": epochs, "val_split": 0.34, "multi_gpu": False, "device": "cpu"}
        self.post(f"/train/{self.bundle.name}", json=settings)

    @property
    def oblique(self) -> Case:
        """The image that no viewer would turn by itself."""
        return self.cases[-1]

    @property
    def log(self) -> str:
        return self.server.log.read_text(encoding="utf-8", errors="replace")

    @property
    def channel_def(self) -> dict[str, str]:
        metadata = json.loads((self.bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
        return metadata["network_data_format"]["outputs"]["pred"]["channel_def"]


@pytest.fixture(scope="module", params=TASKS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp(request.param)
    bundle = bundle_with_weights(request.param, place / f"{request.param}_subclass_segmentation")
    cases = write_studies(request.param, place / "studies")
    app = prepare_app(bundle, place / "app")
    port = free_port(port=0)  # any: runs of this file beside each other must not meet
    with running_server(app, place / "studies", model=bundle.name, port=port, wait=PATIENCE) as server:
        yield Served(request.param, bundle, cases, server)


def mask_of_the_command_line(served: Served, out: Path) -> Path:
    """``monai.bundle run inference`` in the bundle's folder, in a process of its own as a user calls it."""
    words = ["run", "inference", "--config_file", "configs/inference.json", "--device", "cpu"]
    where = ["--dataset_dir", str(served.oblique.image.parent), "--output_dir", str(out)]
    subprocess.run([sys.executable, "-m", "monai.bundle", *words, *where], cwd=served.bundle, check=True)
    return out / "predictions" / f"{served.oblique.name}.nii.gz"


def mask_of_the_server(served: Served, folder: Path) -> Any:
    parameters = {"params": json.dumps({"device": "cpu", "result_dtype": "uint16"})}
    answer = served.post(f"/infer/{served.bundle.name}?image={served.oblique.name}&output=image", data=parameters)
    file = folder / "mask.nii.gz"
    file.write_bytes(answer.content)
    return nib.load(file)


def test_the_server_offers_model_training_and_strategy(served: Served) -> None:
    info = served.get("/info/")
    leaves = {name: int(value) for value, name in served.channel_def.items() if value != "0"}
    assert info["models"][served.bundle.name]["labels"] == leaves
    assert served.bundle.name in info["trainers"]
    assert "conditional_entropy" in info["strategies"]


def test_the_image_of_the_next_test_is_a_hard_one(served: Served) -> None:
    image = nib.load(served.oblique.image)
    assert nib.aff2axcodes(image.affine) == tuple(LAST[served.task])
    assert len(set(np.round(image.header.get_zooms()[:3], 2))) == 3
    assert np.abs(image.affine[:3, :3] / image.header.get_zooms()[:3]).max() < 0.99, "its axes are not the world's"


def test_the_mask_is_the_command_lines_on_the_images_own_grid(served: Served, tmp_path: Path) -> None:
    mask, image = mask_of_the_server(served, tmp_path), nib.load(served.oblique.image)
    labels, expected = np.asarray(mask.dataobj), nib.load(mask_of_the_command_line(served, tmp_path / "R"))
    assert np.array_equal(labels, np.asarray(expected.dataobj))
    assert mask.shape == image.shape[:3]
    assert np.allclose(mask.affine, image.affine, atol=1e-4)
    assert {str(value) for value in np.unique(labels)} <= set(served.channel_def)


def test_the_mask_lies_on_the_structure_that_is_there(served: Served, tmp_path: Path) -> None:
    found = np.asarray(mask_of_the_server(served, tmp_path).dataobj) > 0
    there = np.asarray(nib.load(served.oblique.label).dataobj) > 0
    assert 2 * (found & there).sum() / (found.sum() + there.sum()) > 0.6


def test_the_strategy_proposes_the_least_certain_unlabelled_image(served: Served) -> None:
    proposed = served.post("/activelearning/conditional_entropy", json={}).json()["id"]
    noted = {c.name: served.get(f"/datastore/image/info?image={c.name}")["conditional_entropy"] for c in served.cases}
    assert proposed == max(noted, key=lambda case: noted[case]["score"])


def test_labels_are_taken_and_are_no_longer_proposed(served: Served) -> None:
    for case in served.cases[:LABELLED]:
        served.put_label(case)
    unlabelled = {case.name for case in served.cases[LABELLED:]}
    assert served.post("/activelearning/conditional_entropy", json={}).json()["id"] in unlabelled
    assert len(served.get("/datastore/?output=all")["objects"]) == len(served.cases)


def test_a_training_ends_well_and_replaces_weights_only_by_better_ones(served: Served) -> None:
    before = models_of(served.bundle)
    served.train(epochs=1)
    task = finished_training(served)
    assert task["status"] == "DONE", "\n".join(task["details"])
    (run,) = (served.bundle / "runs").glob("label-*")
    replaced = f"model.pt is now the model of {run / 'models'}" in served.log
    assert replaced != ("model.pt is kept: its validation Dice" in served.log), "one of the two is said"
    assert models_of(served.bundle) == (models_of(run) if replaced else before)


def models_of(folder: Path) -> dict[str, str]:
    """Name → sha256 of the two weight files."""
    return {name: hashlib.sha256((folder / "models" / name).read_bytes()).hexdigest() for name in WEIGHT_FILES}


def finished_training(served: Served) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (task := served.get("/train/"))["status"] in ("SUBMITTED", "RUNNING"):
        assert time.monotonic() < deadline, task
        time.sleep(1)
    return task


def test_the_server_ends_by_its_own_process_id_with_the_training_that_runs(served: Served) -> None:
    host, port = served.server.url.removeprefix("http://").split(":")
    served.train(epochs=1000)
    family = running_family(served)
    stop(served.server.process)
    assert served.server.process.poll() is not None
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    with pytest.raises(requests.ConnectionError):
        requests.get(served.server.url + "/info/", timeout=5)
    assert free_port(host, int(port)) == int(port)


def running_family(served: Served) -> list[psutil.Process]:
    """The server and what it started, once a training is among it."""
    root, deadline = psutil.Process(served.server.process.pid), time.monotonic() + PATIENCE
    while not (children := root.children(recursive=True)):
        assert time.monotonic() < deadline, "no training was started"
        time.sleep(0.2)
    return [root, *children]
