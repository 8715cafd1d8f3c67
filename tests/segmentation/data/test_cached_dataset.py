"""The case cache: an honest estimate, every case opened before training, errors that name the case."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, EnsureTyped, LoadImaged, Orientationd, Spacingd
from torch.utils.data import DataLoader

from cladeseg.files import DataError
from cladeseg.segmentation.data import VolumeStore
from cladeseg.segmentation.data.cached_dataset import CachedDataset, estimate_bytes
from cladeseg.segmentation.phantoms.acdc import write_acdc_phantoms

SPACING = (-1.0, 5.0, 8.0)


class Load:
    """What a bundle's deterministic transforms end in: a float image and a uint8 node map on the same grid."""

    def __init__(self) -> None:
        self.read = Compose(
            [
                LoadImaged(["image"], ensure_channel_first=True),
                Orientationd(["image"], "RAS", labels=None),
                Spacingd(["image"], SPACING),
                EnsureTyped(["image"], dtype=torch.float32),
            ]
        )

    def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
        out = self.read(case)
        return {**out, "nodes": torch.zeros(1, *out["image"].shape[1:], dtype=torch.uint8)}


class Synthetic:
    """No files: an image of the case's number; counts nothing, opens nothing."""

    def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
        if case.get("broken"):
            raise RuntimeError("applying transform") from EOFError("compressed file ended")
        whole = torch.full((1, 10, 10, 10), float(case["number"]))
        return {**case, "image": MetaTensor(whole)[:, :5], "nodes": torch.zeros(1, 5, 10, 10, dtype=torch.uint8)}


def shift(case: dict[str, Any], seed: int) -> dict[str, Any]:
    return {"image": case["image"].as_tensor() + seed}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    files = write_acdc_phantoms(
        tmp_path_factory.mktemp("data") / "acdc", patients=5, shape=(40, 24, 5), spacing=(6, 9, 10)
    )
    images = [file for file in files if file.name.endswith(".nii.gz") and "_gt" not in file.name]
    return [{"case": file.name.split(".")[0], "image": str(file)} for file in images]


@pytest.fixture
def synthetic() -> list[dict[str, Any]]:
    return [{"case": f"case{i}", "number": i, "image": ""} for i in range(4)]


@pytest.fixture
def no_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "cladeseg.segmentation.data.cached_dataset.estimate_bytes", lambda cases, spacing, axis_order: 0
    )


def cache(cases: list[dict[str, Any]], **options: Any) -> CachedDataset:
    return CachedDataset(cases, Synthetic(), **{"spacing": SPACING, "progress": False, "max_gigabytes": 1, **options})


def test_the_estimate_is_what_the_cache_then_takes(phantoms: list[dict[str, Any]]):
    for case in phantoms:  # RAS, LPS, transposed and oblique ones
        measured = CachedDataset([case], Load(), spacing=SPACING, max_gigabytes=1, progress=False).nbytes
        assert estimate_bytes([case], SPACING) == pytest.approx(measured, rel=0.2)


def test_the_estimate_takes_the_spacing_in_the_order_of_the_axes(phantoms: list[dict[str, Any]]):
    for case in phantoms:
        assert estimate_bytes([case], (8.0, 5.0, -1.0), "SAR") == estimate_bytes([case], SPACING)


def test_the_estimate_adds_up_cases_and_channels(phantoms: list[dict[str, Any]]):
    one, two = phantoms[0]["image"], phantoms[1]["image"]
    single = estimate_bytes([{"image": one}], SPACING)
    assert estimate_bytes([{"image": [one, one]}], SPACING) == single * 9 // 5  # 2 x 4 + 1 against 4 + 1 bytes
    assert estimate_bytes([{"image": one}, {"image": two}], SPACING) == single + estimate_bytes(
        [{"image": two}], SPACING
    )


def test_an_unreadable_header_names_the_file(tmp_path: Path):
    with pytest.raises(DataError, match=r"nowhere\.nii"):
        estimate_bytes([{"image": str(tmp_path / "nowhere.nii")}], SPACING)


def test_the_estimate_is_said_before_loading(phantoms: list[dict[str, Any]], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        CachedDataset(phantoms[:2], Load(), spacing=SPACING, max_gigabytes=9.1, progress=False)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("cladeseg.")]
    assert ours == ["cache: 2 volumes, about 0.00 GB of 9.1 GB allowed"]


@pytest.mark.usefixtures("no_headers")
def test_an_index_gives_the_case_and_a_pair_gives_its_patch(synthetic: list[dict[str, Any]]):
    data = cache(synthetic, patch=shift)
    assert len(data) == 4
    assert [item["case"] for item in data] == ["case0", "case1", "case2", "case3"]
    assert data[-1]["case"] == "case3"
    assert float(data[2, 40]["image"].unique()) == 42


@pytest.mark.usefixtures("no_headers")
def test_a_caller_cannot_change_what_is_cached(synthetic: list[dict[str, Any]]):
    data = cache(synthetic)
    data[0]["case"] = "changed"
    assert data[0]["case"] == "case0"


@pytest.mark.usefixtures("no_headers")
def test_a_cropped_case_does_not_keep_the_whole_volume(synthetic: list[dict[str, Any]]):
    data = cache(synthetic)
    assert data[0]["image"].untyped_storage().nbytes() == 5 * 10 * 10 * 4
    assert data.nbytes == 4 * 5 * 10 * 10 * (4 + 1)


@pytest.mark.usefixtures("no_headers")
def test_what_does_not_fit_is_loaded_when_asked_for(synthetic: list[dict[str, Any]], caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        data = cache(synthetic, max_gigabytes=2.5 * 2500 / 1e9)
    assert data.cached == 2
    assert "2 volumes do not fit" in caplog.messages[-1]
    assert [float(item["image"].unique()) for item in data] == [0, 1, 2, 3]


@pytest.mark.usefixtures("no_headers")
@pytest.mark.parametrize("gigabytes", [1, 0])
def test_a_broken_case_ends_the_run_at_the_start_with_its_name_and_cause(
    synthetic: list[dict[str, Any]], gigabytes: float
):
    synthetic[2]["broken"] = True
    with pytest.raises(DataError, match=r"^case2: EOFError: compressed file ended"):
        cache(synthetic, max_gigabytes=gigabytes)


def test_a_truncated_file_is_named(phantoms: list[dict[str, Any]], tmp_path: Path):
    whole = Path(phantoms[0]["image"]).read_bytes()
    broken = tmp_path / "cut.nii.gz"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"^p9: "):
        CachedDataset([{"case": "p9", "image": str(broken)}], Load(), spacing=SPACING, progress=False)


def test_negative_memory_is_refused(synthetic: list[dict[str, Any]]):
    with pytest.raises(ValueError, match="max_gigabytes"):
        cache(synthetic, max_gigabytes=-1)


@pytest.mark.usefixtures("no_headers")
def test_it_pickles_and_workers_see_the_same(synthetic: list[dict[str, Any]]):
    data = pickle.loads(pickle.dumps(cache(synthetic, patch=shift)))
    batches = [[(0, 5), (3, 6)], [(1, 7), (2, 8)]]
    alone, shared = (list(DataLoader(data, batch_sampler=batches, num_workers=workers)) for workers in (0, 2))
    for one, other in zip(alone, shared, strict=True):
        torch.testing.assert_close(one["image"], other["image"], rtol=0, atol=0)


def test_bare_cases_are_called_by_their_files_and_annotated_if_they_have_a_label(
    phantoms: list[dict[str, Any]],
) -> None:
    """MONAI Label sends image and label, nothing else."""
    bare = [{"image": case["image"]} for case in phantoms[:2]]
    bare[0]["label"] = "somewhere.nii.gz"
    cache = CachedDataset(bare, Load(), spacing=SPACING, progress=False)
    assert [case["supervision"] for case in cache.data] == ["fine", "unlabelled"]
    assert [case["case"] for case in cache.data] == [Path(str(c["image"])).name[: -len(".nii.gz")] for c in bare]


# ---- a store on disk -------------------------------------------------------------------------------------------------


class Counted(Synthetic):
    """Synthetic cases, each with a file, and how many were loaded."""

    def __init__(self) -> None:
        self.loaded = 0

    def __call__(self, case: dict[str, Any]) -> dict[str, Any]:
        self.loaded += 1
        return super().__call__(case)


def numbered(folder: Path, count: int = 3) -> list[dict[str, Any]]:
    files = [folder / f"image{i}" for i in range(count)]
    for i, file in enumerate(files):
        file.write_text(str(i))
    return [{"case": f"c{i}", "number": i, "image": str(file)} for i, file in enumerate(files)]


def test_cases_are_loaded_by_the_first_training_alone(tmp_path: Path) -> None:
    data = numbered(tmp_path)
    for loads in (3, 0):
        load = Counted()
        cases = CachedDataset(data, load, patch=half, spacing=SPACING, store=VolumeStore(tmp_path / "store", {}))
        assert load.loaded == loads
        assert cases.cached == 0
        assert cases[2]["image"].dtype == torch.float32  # a whole case, for whoever predicts it
        assert float(cases[2]["image"].mean()) == 2
        assert cases[(2, 7)] == {"dtype": torch.float16, "seed": 7}


def half(case: dict[str, Any], seed: int) -> dict[str, Any]:
    return {"dtype": case["image"].dtype, "seed": seed}


def test_replaced_values_win_over_stored_ones(tmp_path: Path) -> None:
    cases = CachedDataset(numbered(tmp_path), Synthetic(), spacing=SPACING, store=VolumeStore(tmp_path / "store", {}))
    cases.replace(1, "nodes", torch.ones(1))
    assert torch.equal(cases[1]["nodes"], torch.ones(1))
    assert cases[0]["nodes"].shape == (1, 5, 10, 10)


def test_a_case_that_cannot_be_loaded_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    data = numbered(tmp_path)
    data[2]["broken"] = True
    with pytest.raises(DataError, match=r"c2: .*compressed file ended"):
        CachedDataset(data, Synthetic(), spacing=SPACING, workers=1, store=VolumeStore(tmp_path / "store", {}))
    assert len(list((tmp_path / "store").iterdir())) == 2
