"""What MONAI Label and our bundles owe each other, over real HTTP on loopback.

Runs in an environment of its own: ``make test-label``.
"""

from __future__ import annotations

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
import pytest
from tiny_bundles import TASKS, oblique_affine, tiny_bundle, write_studies

from cladeseg.label import LabelServer, prepare_app, running_server
from cladeseg.label.server import stop

if find_spec("monailabel") is None:
    pytest.skip("MONAI Label is not installed here; make test-label", allow_module_level=True)
requests = pytest.importorskip("requests")

# A server loads PyTorch, and so does each training that it starts.
pytestmark = [pytest.mark.monailabel, pytest.mark.timeout(1800)]

PATIENCE = 1200


class Served(NamedTuple):
    """A bundle behind a server, and the images that it was started with."""

    bundle: Path
    studies: Path
    server: LabelServer

    def get(self, path: str) -> Any:
        answer = requests.get(self.server.url + path, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, **request: Any) -> Any:
        answer = requests.post(self.server.url + path, timeout=PATIENCE, **request)
        assert answer.ok, answer.text + self.server.log.read_text(encoding="utf-8")[-4000:]
        return answer

    @property
    def channel_def(self) -> dict[str, str]:
        metadata = json.loads((self.bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
        return metadata["network_data_format"]["outputs"]["pred"]["channel_def"]


@pytest.fixture(scope="module", params=TASKS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp(request.param)
    bundle = tiny_bundle(request.param, place / f"{request.param}_subclass_segmentation")
    studies = write_studies(request.param, place / "studies")
    app = prepare_app(bundle, place / "app")
    with running_server(app, studies, model=bundle.name, wait=PATIENCE) as server:
        yield Served(bundle, studies, server)


def masks_of_the_command_line(served: Served, out: Path) -> Path:
    """``monai.bundle run inference`` in the bundle's folder, in a process of its own as a user calls it."""
    words = ["run", "inference", "--config_file", "configs/inference.json", "--device", "cpu"]
    where = ["--dataset_dir", str(served.studies), "--output_dir", str(out)]
    subprocess.run([sys.executable, "-m", "monai.bundle", *words, *where], cwd=served.bundle, check=True)
    return out / "predictions"


def mask_of_the_server(served: Served, image: str, folder: Path) -> Any:
    parameters = {"params": json.dumps({"device": "cpu", "result_dtype": "uint8"})}
    answer = served.post(f"/infer/{served.bundle.name}?image={image}&output=image", data=parameters)
    file = folder / f"{image}.nii.gz"
    file.write_bytes(answer.content)
    return nib.load(file)


def test_the_server_offers_model_training_and_strategy(served: Served) -> None:
    info = served.get("/info/")
    leaves = {name: int(value) for value, name in served.channel_def.items() if value != "0"}
    assert info["models"][served.bundle.name]["labels"] == leaves
    assert served.bundle.name in info["trainers"]
    assert "leaf_entropy" in info["strategies"]


def test_the_mask_is_the_command_lines_on_the_images_own_grid(served: Served, tmp_path: Path) -> None:
    mask = mask_of_the_server(served, "case_0", tmp_path)
    labels = np.asarray(mask.dataobj)
    expected = nib.load(masks_of_the_command_line(served, tmp_path / "R") / "case_0.nii.gz")
    assert np.array_equal(labels, np.asarray(expected.dataobj))
    assert np.allclose(mask.affine, oblique_affine(), atol=1e-4)
    values, counts = np.unique(labels, return_counts=True)
    assert {str(value) for value in values} <= set(served.channel_def)
    assert counts.max() < 0.95 * labels.size, "a mask of one label shows no wrong turn"


def test_the_strategy_proposes_the_least_certain_unlabelled_image(served: Served) -> None:
    proposed = served.post("/activelearning/leaf_entropy", json={}).json()["id"]
    cases = [file.name.removesuffix(".nii.gz") for file in served.studies.glob("*.nii.gz")]
    noted = {case: served.get(f"/datastore/image/info?image={case}")["leaf_entropy"] for case in cases}
    assert proposed == max(noted, key=lambda case: noted[case]["score"])


def test_labels_are_taken_and_a_training_ends_well(served: Served, tmp_path: Path) -> None:
    mask = mask_of_the_server(served, "case_0", tmp_path)
    for case in ("case_0", "case_1", "case_2"):
        nib.save(mask, tmp_path / "label.nii.gz")
        with (tmp_path / "label.nii.gz").open("rb") as file:
            url = f"{served.server.url}/datastore/label?image={case}&tag=final"
            assert requests.put(url, files={"label": file}, data={"params": "{}"}, timeout=PATIENCE).ok
    settings = {"max_epochs": 1, "val_split": 0.34, "multi_gpu": False, "device": "cpu"}
    served.post(f"/train/{served.bundle.name}", json=settings)
    task = finished_training(served)
    assert task["status"] == "DONE", "\n".join(task["details"])
    (run,) = (served.bundle / "runs").glob("label-*")
    assert (run / "models" / "model.pt").is_file()
    said = served.server.log.read_text(encoding="utf-8", errors="replace")
    assert "is now the model of" in said or "is kept: its validation Dice" in said
    assert served.post("/activelearning/leaf_entropy", json={}).json()["id"] == "case_3"


def finished_training(served: Served) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (task := served.get("/train/"))["status"] in ("SUBMITTED", "RUNNING"):
        assert time.monotonic() < deadline, task
        time.sleep(1)
    return task


def test_the_server_ends_by_its_own_process_id(served: Served) -> None:
    stop(served.server.process)
    assert served.server.process.poll() is not None
    with pytest.raises(requests.ConnectionError):
        requests.get(served.server.url + "/info/", timeout=5)
