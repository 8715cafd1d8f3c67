"""Resuming: bit for bit what an uninterrupted training gives; a failed write costs nothing."""

from __future__ import annotations

import logging
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from tiny_training import assert_identical, tiny_evaluator, tiny_net, tiny_trainer, weights_of

from cladeseg.files import DataError
from cladeseg.segmentation.engines import StopAfter, TrainingState, TreeTrainer, Validate, save_atomically
from cladeseg.segmentation.engines.checkpoint import load_checkpoint, load_state, save_checkpoint
from cladeseg.taxonomy import Taxonomy


class Execute:
    """Unpickling it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def run_of(
    tree: Taxonomy, path: Path, *, stop: int | None = None, interval: int = 1, dropout: float = 0.0, **options: Any
) -> tuple[TreeTrainer, TrainingState]:
    network = tiny_net(tree, dropout=dropout)
    trainer = tiny_trainer(tree, network=network, **{"epochs": 4, "steps": 2, **options})
    evaluator = tiny_evaluator(tree, trainer.teacher.network)
    state = TrainingState(path, interval=interval, evaluator=evaluator)
    for handler in (Validate(evaluator), state, StopAfter(stop)):
        handler.attach(trainer)
    return trainer, state


def everything_of(trainer: TreeTrainer, state: TrainingState) -> dict[str, Any]:
    return {
        **weights_of(trainer),
        "optimizer": trainer.optimizer.state_dict(),
        "learning rate": trainer.optimizer.param_groups[0]["lr"],
        "schedule": trainer.lr_scheduler.state_dict(),
        "steps": [trainer.state.epoch, trainer.state.iteration, trainer.teacher.step],
        "losses": dict(trainer.state.epoch_losses),
        "validation": dict(state.evaluator.state.metrics),
        "best": [state.evaluator.state.best_metric, state.evaluator.state.best_metric_epoch],
    }


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a save ends after half of the file."""
    save = torch.save

    def save_half(content: Any, path: Path) -> None:
        save(content, path)
        whole = Path(path).read_bytes()
        Path(path).write_bytes(whole[: len(whole) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", save_half)


# ---- resuming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dropout", "num_workers"), [(0.0, 0), (0.5, 0), (0.5, 2)])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(acdc_tree, tmp_path, stop, dropout, num_workers):
    whole = run_of(acdc_tree, tmp_path / "whole.pt", dropout=dropout)
    whole[0].run()
    first, _ = run_of(acdc_tree, tmp_path / "last.pt", stop=stop, dropout=dropout, num_workers=num_workers)
    first.run()
    assert first.state.epoch == stop
    torch.manual_seed(1234)  # another process has another global generator
    resumed = run_of(acdc_tree, tmp_path / "last.pt", dropout=dropout, num_workers=num_workers)
    assert resumed[1].restore(resumed[0]) == stop
    resumed[0].run()
    assert_identical(everything_of(*resumed), everything_of(*whole))


def test_each_part_of_the_state_counts(acdc_tree, tmp_path):
    """The comparison above can fail: resuming with one part missing gives another result."""
    whole, _ = run_of(acdc_tree, tmp_path / "whole.pt")
    whole.run()
    run_of(acdc_tree, tmp_path / "last.pt", stop=2)[0].run()
    content = load_checkpoint(tmp_path / "last.pt")
    start = run_of(acdc_tree, tmp_path / "start.pt")[0]
    for part in ("network", "teacher", "optimizer", "lr_scheduler"):
        save_checkpoint({**content, part: getattr(start, part).state_dict()}, tmp_path / "other.pt")
        trainer, other = run_of(acdc_tree, tmp_path / "other.pt")
        other.restore(trainer)
        trainer.run()
        with pytest.raises(AssertionError):
            assert_identical(weights_of(trainer), weights_of(whole))


def test_restoring_changes_nothing_but_the_trainer(acdc_tree, tmp_path):
    run_of(acdc_tree, tmp_path / "last.pt", stop=1)[0].run()
    before = (tmp_path / "last.pt").read_bytes()
    trainer, state = run_of(acdc_tree, tmp_path / "last.pt")
    state.restore(trainer)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_the_best_validation_survives(acdc_tree, tmp_path):
    trainer, state = run_of(acdc_tree, tmp_path / "last.pt", stop=2)
    trainer.run()
    best = state.evaluator.state
    resumed, restored = run_of(acdc_tree, tmp_path / "last.pt")
    restored.restore(resumed)
    now = restored.evaluator.state
    assert now.best_metric == best.best_metric > 0
    assert now.best_metric_epoch == best.best_metric_epoch in (1, 2)
    assert now.metrics == best.metrics


def test_a_longer_course_than_before_is_a_warning(acdc_tree, tmp_path, caplog):
    run_of(acdc_tree, tmp_path / "last.pt", epochs=1)[0].run()
    trainer, state = run_of(acdc_tree, tmp_path / "last.pt", epochs=2)
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        state.restore(trainer)
    assert "started for 1 epochs, now aims at 2" in caplog.text


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_it_is_written_each_interval_and_after_the_last_epoch(acdc_tree, tmp_path):
    trainer, state = run_of(acdc_tree, tmp_path / "new" / "last.pt", epochs=5, interval=2)
    written = []

    def look(_: Any) -> None:
        written.append(load_state(state.path)["epoch"] if state.path.is_file() else None)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, look)
    trainer.run()
    assert written == [None, 2, 2, 4, 5]


def test_a_full_disk_leaves_the_previous_state(acdc_tree, tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    run_of(acdc_tree, path, stop=1)[0].run()
    before = path.read_bytes()
    trainer, state = run_of(acdc_tree, path)
    state.restore(trainer)
    fill_the_disk(monkeypatch)
    with pytest.raises(DataError, match=rf"^{path}: cannot be written .*No space left.*untouched"):
        trainer.run()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_a_full_disk_at_the_first_write_leaves_nothing(tmp_path, monkeypatch):
    fill_the_disk(monkeypatch)
    with pytest.raises(DataError, match="No space left"):
        save_atomically({"a": torch.zeros(3)}, tmp_path / "deep" / "model.pt")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused_by_name(tmp_path):
    path = tmp_path / "file" / "model.pt"
    path.parent.write_text("")
    with pytest.raises(DataError, match=rf"^{path}: cannot be written"):
        save_atomically({}, path)


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_torn_state_is_refused_by_name(acdc_tree, tmp_path, share):
    path = tmp_path / "last.pt"
    run_of(acdc_tree, path, stop=1, steps=1)[0].run()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    trainer, state = run_of(acdc_tree, path, steps=1)
    before = weights_of(trainer)
    with pytest.raises(DataError, match=rf"^{path}: cannot be read as a checkpoint"):
        state.restore(trainer)
    assert_identical(weights_of(trainer), before)


def test_a_state_whose_content_changed_is_refused_by_name(acdc_tree, tmp_path):
    path = tmp_path / "last.pt"
    run_of(acdc_tree, path, stop=1, steps=1)[0].run()
    content = load_state(path)
    next(iter(content["network"].values())).view(-1)[0] += 1e-6
    torch.save(content, path)
    trainer, state = run_of(acdc_tree, path, steps=1)
    before = weights_of(trainer)
    with pytest.raises(DataError, match=rf"^{path}: is damaged.*delete it and train anew without --resume$"):
        state.restore(trainer)
    assert_identical(weights_of(trainer), before)


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], torch.zeros(2)], ids=["dict", "list", "tensor"])
def test_another_file_is_no_checkpoint(tmp_path, content):
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(DataError, match=rf"^{tmp_path / 'last.pt'}: is no checkpoint of a training"):
        load_checkpoint(tmp_path / "last.pt")


def test_random_flipped_bits_are_refused_or_without_effect(acdc_tree, tmp_path):
    """A few bits of a zip archive mean nothing; all others are noticed."""
    path = tmp_path / "last.pt"
    run_of(acdc_tree, path, stop=1, steps=1)[0].run()
    whole, content = path.read_bytes(), load_checkpoint(path)
    rng, refused = random.Random(0), 0
    for _ in range(60):
        place = rng.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :])
        try:
            assert_identical(load_checkpoint(path), content)
        except DataError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ")
            assert "\n" not in str(error)
    assert refused > 30


def test_what_a_state_was_made_with_comes_back(acdc_tree, tmp_path):
    trainer = tiny_trainer(acdc_tree, epochs=1)
    made_with = {"settings": {"seed": 0, "alpha": [0.5, None]}, "taxonomy": {"nodes": []}}
    TrainingState(tmp_path / "last.pt", made_with=made_with).attach(trainer)
    trainer.run()
    content = load_checkpoint(tmp_path / "last.pt")
    assert {name: content[name] for name in made_with} == made_with


def test_a_missing_state_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path / 'last.pt'}: cannot be read"):
        load_state(tmp_path / "last.pt")


def test_a_pickled_object_is_refused_and_not_run(tmp_path):
    witness = tmp_path / "witness"
    torch.save({"network": Execute(f"touch {witness}")}, tmp_path / "last.pt")
    with pytest.raises(DataError, match=r"last.pt: cannot be read"):
        load_state(tmp_path / "last.pt")
    assert not witness.exists()


def test_another_number_of_steps_per_epoch_is_refused(acdc_tree, tmp_path):
    run_of(acdc_tree, tmp_path / "last.pt", stop=1)[0].run()
    trainer, state = run_of(acdc_tree, tmp_path / "last.pt", steps=3)
    with pytest.raises(DataError, match=r"last.pt: .*steps_per_epoch 2"):
        state.restore(trainer)
