"""Labels are made anew from what the teacher says then; an interrupted training makes the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_training import Balls, assert_identical, tiny_net, tiny_trainer, weights_of
from torch import Tensor
from torch.utils.data import Dataset

from cladeseg.files import DataError
from cladeseg.segmentation.data import CachedDataset, training_loader
from cladeseg.segmentation.data import cached_dataset as cache
from cladeseg.segmentation.engines import RefreshLabels, StopAfter, SupervisedStep, TrainingState, TreeTrainer
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.transforms import RegionLabels
from cladeseg.taxonomy import Taxonomy


class Whole(Dataset):
    """Whole balls; a sample is the whole case."""

    def __init__(self, tree: Taxonomy) -> None:
        balls = Balls(tree)
        self.data = balls.data
        self.items = [{**balls[i, 0], "propagated": balls[i, 0]["nodes"]} for i in range(len(balls))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, Any]:
        return dict(self.items[index[0] if isinstance(index, tuple) else index])

    def replace(self, index: int, key: str, value: Tensor) -> None:
        self.items[index][key] = value


def window(images: Tensor, network: torch.nn.Module) -> Tensor:
    return network(images)


def run_of(
    tree: Taxonomy, folder: Path, *, stop: int | None = None, shares: tuple[float, ...] = (0.3, 0.7), workers: int = 0
) -> tuple[TreeTrainer, TrainingState, Whole]:
    cases = Whole(tree)
    labels = RegionLabels(tree, [cases[0]["nodes"]], images=[cases[0]["image"]], sigma=0.1, min_agreement=0.6)
    trainer = tiny_trainer(tree, epochs=10, steps=2, network=tiny_net(tree), step=SupervisedStep(build_loss(tree)))
    trainer.data_loader = training_loader(cases, {"fine": 1, "coarse": 2}, 0, num_workers=workers)
    trainer.state.dataloader = trainer.data_loader
    refresh = RefreshLabels(
        cases, labels, window, shares=shares, folder=folder / "propagation", superclasses=tree.superclasses
    )
    state = TrainingState(folder / "last.pt")
    for handler in (refresh, state, StopAfter(stop)):
        handler.attach(trainer)
    return trainer, state, cases


def test_coarse_cases_get_deeper_labels_and_others_keep_theirs(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    trainer, _, cases = run_of(acdc_tree, tmp_path)
    before = [case["propagated"].clone() for case in cases.items]
    trainer.run()
    for case, old in zip(cases.items, before, strict=True):
        assert acdc_tree.contains[case["nodes"].long(), case["propagated"].long()].all()
        changed = not torch.equal(case["propagated"], old)
        assert changed == (case["supervision"] == "heart")
    assert sorted(path.name for path in (tmp_path / "propagation").iterdir()) == ["epoch_00004.npz", "epoch_00008.npz"]


def test_the_teacher_of_that_moment_decides(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    trainer, _, _ = run_of(acdc_tree, tmp_path)
    trainer.run()
    first, second = (dict(np.load(tmp_path / "propagation" / f"epoch_0000{n}.npz")) for n in (4, 8))
    assert first["cases"].tolist() == second["cases"].tolist() == ["case2", "case3"]
    assert any((first[name] != second[name]).any() for name in ("0", "1"))


class Seen:
    """Remembers the shapes of what the teacher sees."""

    def __init__(self) -> None:
        self.shapes: set[tuple[int, ...]] = set()

    def __call__(self, images: Tensor, network: torch.nn.Module) -> Tensor:
        self.shapes.add(tuple(images.shape))
        return network(images)


def test_the_teacher_sees_the_boxes_that_a_case_comes_with(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    """Outside of them it says nothing: the labels there are those of place and intensity."""
    trainer, _, cases = run_of(acdc_tree, tmp_path, shares=())
    first = [case["propagated"].clone() for case in cases.items]
    for case in cases.items:
        case["boxes"] = np.array([[[0, 0, 0], [6, 8, 4]]])
    labels = RegionLabels(acdc_tree, [cases[0]["nodes"]], sigma=0.1, min_agreement=0.6)
    seen = Seen()
    refresh = RefreshLabels(
        cases, labels, seen, shares=(0.5,), folder=tmp_path / "boxed", superclasses=acdc_tree.superclasses
    )
    refresh.attach(trainer)
    trainer.run()
    assert seen.shapes == {(1, 1, 6, 8, 4)}
    for case, before in zip(cases.items, first, strict=True):
        if case["supervision"] != "heart":
            assert torch.equal(case["propagated"], before)
        else:
            without_teacher = labels(case["image"], case["nodes"])
            assert torch.equal(case["propagated"][:, 6:], without_teacher[:, 6:])


@pytest.mark.parametrize("stop", [2, 3, 5, 8])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_training_is_bit_equal_wherever_it_stopped(
    acdc_tree: Taxonomy, tmp_path: Path, stop: int, workers: int
) -> None:
    whole, _, labelled = run_of(acdc_tree, tmp_path / "whole")
    whole.run()
    first, _, _ = run_of(acdc_tree, tmp_path / "parts", stop=stop, workers=workers)
    first.run()
    second, state, cases = run_of(acdc_tree, tmp_path / "parts", workers=workers)
    assert state.restore(second) == stop
    second.run()
    assert_identical(weights_of(second), weights_of(whole))
    assert_identical([case["propagated"] for case in cases.items], [case["propagated"] for case in labelled.items])


def test_labels_of_after_the_state_are_not_taken(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    """Killed after the second refresh was stored and before the next checkpoint."""
    whole, _, _ = run_of(acdc_tree, tmp_path / "whole")
    whole.run()
    run_of(acdc_tree, tmp_path / "parts", stop=7)[0].run()
    later = tmp_path / "parts" / "propagation" / "epoch_00008.npz"
    later.write_bytes(b"half of a file")
    second, state, _ = run_of(acdc_tree, tmp_path / "parts")
    state.restore(second)
    second.run()
    assert_identical(weights_of(second), weights_of(whole))


@pytest.mark.parametrize("content", [None, b"", b"PK half"])
def test_missing_or_damaged_labels_end_a_resumed_training_by_name(
    acdc_tree: Taxonomy, tmp_path: Path, content: bytes | None
) -> None:
    run_of(acdc_tree, tmp_path, stop=5)[0].run()
    file = tmp_path / "propagation" / "epoch_00004.npz"
    file.unlink() if content is None else file.write_bytes(content)
    second, state, _ = run_of(acdc_tree, tmp_path)
    state.restore(second)
    with pytest.raises(DataError, match=r"epoch_00004\.npz: (is missing|cannot be read)"):
        second.run()


def test_without_a_share_nothing_is_refreshed(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    trainer, _, _ = run_of(acdc_tree, tmp_path, shares=())
    trainer.run()
    assert not (tmp_path / "propagation").exists()


@pytest.mark.parametrize(("total", "expected"), [(10, [4, 8]), (2, [2]), (1, [])])
def test_a_refresh_is_never_before_the_first_or_after_the_last_epoch(total: int, expected: list[int]) -> None:
    assert RefreshLabels([], max, max, shares=(0.3, 0.7), folder="", superclasses=()).epochs(total) == expected  # type: ignore[arg-type]


def test_a_replaced_map_stays_whether_the_case_is_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_case_bytes", lambda image, spacing, axis_order: 0)
    for gigabytes in (0.0, 1.0):
        dataset = CachedDataset(
            [{"case": "a", "image": "none"}],
            _with_a_map,
            spacing=(1, 1, 1),
            max_gigabytes=gigabytes,
            progress=False,
        )
        dataset.replace(0, "propagated", torch.ones(1))
        assert dataset[0]["propagated"].item() == dataset[-1]["propagated"].item() == 1


def _with_a_map(case: dict[str, Any]) -> dict[str, Any]:
    return {**case, "propagated": torch.zeros(1)}
