"""Weights on disk: every tensor or none, and a refusal that says which one does not fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from safetensors.torch import load_file
from tiny_training import assert_identical, tiny_net
from torch import nn

from cladeseg.files import DataError
from cladeseg.segmentation.engines import LoadWeights, SaveBestWeights, load_weights
from cladeseg.segmentation.engines.weights import write_safetensors
from cladeseg.segmentation.networks import build_network


class Execute:
    """Unpickling it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def small(**changes: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(2, changes.get("hidden", 3)), nn.Linear(changes.get("hidden", 3), 1))


def save(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


# ---- loading ---------------------------------------------------------------------------------------------------------


def test_weights_come_back_as_they_were(tmp_path):
    one, other = small(), small()
    assert load_weights(other, save(one.state_dict(), tmp_path / "model.pt")) is other
    assert_identical(other.state_dict(), one.state_dict())


def test_safetensors_come_back_as_they_were(tmp_path):
    one, other = small(), small()
    shared = {**one.state_dict(), "0.weight": one.state_dict()["0.weight"].T.contiguous().T}  # strided, as some are
    write_safetensors(shared, tmp_path / "model.safetensors")
    assert_identical(load_weights(other, tmp_path / "model.safetensors").state_dict(), one.state_dict())


def test_tensors_that_share_memory_are_written_all_the_same(tmp_path):
    tied = torch.ones(3)
    write_safetensors({"a": tied, "b": tied}, tmp_path / "model.safetensors")
    assert sorted(load_file(tmp_path / "model.safetensors")) == ["a", "b"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, name, value):
    one, other = small(), small()
    with torch.no_grad():
        one[1].weight[0, 1] = value
    path = save(one.state_dict(), tmp_path / name)
    if name.endswith("safetensors"):
        write_safetensors(one.state_dict(), path)
    before = {key: tensor.clone() for key, tensor in other.state_dict().items()}
    with pytest.raises(DataError, match=rf"^{path}: '1.weight' holds values that are not finite"):
        load_weights(other, path)
    assert_identical(other.state_dict(), before)


@pytest.mark.parametrize("content", [b"", b"not it", None], ids=["empty", "text", "a renamed pickle"])
def test_a_broken_safetensors_file_is_refused_by_name(tmp_path, content):
    path = save(small().state_dict(), tmp_path / "model.safetensors")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path}: cannot be read as weights"):
        load_weights(small(), path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: state.pop("1.weight"), "'1.weight' is missing"),
        (lambda state: [state.pop(name) for name in list(state)], "'0.weight' is missing"),
        (lambda state: state.update({"2.weight": torch.zeros(1)}), "'2.weight' is unknown"),
        (lambda state: state.update({"0.bias": torch.zeros(5)}), r"'0.bias' has shape \(5,\), not \(3,\)"),
    ],
    ids=["one missing", "all missing", "one too many", "another shape"],
)
def test_other_weights_are_refused_by_tensor_and_nothing_is_loaded(tmp_path, change, named):
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = {name: value + 1 for name, value in before.items()}
    change(state)
    path = save(state, tmp_path / "model.pt")
    with pytest.raises(DataError, match=rf"^{path}: these weights belong to another network: {named}"):
        load_weights(network, path)
    assert_identical(network.state_dict(), before)


def test_weights_of_another_head_are_refused(acdc_tree, tmp_path):
    options: dict[str, Any] = {"filters": [4, 4, 8], "kernels": [3] * 3, "strides": [1, 2, 2]}
    flat = build_network(acdc_tree, head="flat", **options)
    path = save(flat.state_dict(), tmp_path / "model.pt")
    for other in ({"head": "two_head"}, {"prior": False}, {"separate_norm": False}, {"filters": [4, 8, 8]}):
        with pytest.raises(DataError, match=r"another network: '[\w.]+' (is|has)"):
            load_weights(build_network(acdc_tree, **{**options, **other}), path)


def test_missing_weights_are_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path / 'model.pt'}: there are no weights"):
        load_weights(small(), tmp_path / "model.pt")


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2]], ids=["a tensor", "a list"])
def test_a_file_of_something_else_is_refused_by_name(tmp_path, content):
    path = save(content, tmp_path / "model.pt")
    with pytest.raises(DataError, match=rf"^{path}: these weights belong to another network: the file holds a "):
        load_weights(small(), path)


def test_a_training_state_is_refused_by_name(tmp_path):
    path = save({"network": small().state_dict(), "epoch": 3}, tmp_path / "last.pt")
    with pytest.raises(DataError, match=rf"^{path}: .*'0.weight' is missing"):
        load_weights(small(), path)


def test_torn_weights_are_refused_by_name(tmp_path):
    path = save(small().state_dict(), tmp_path / "model.pt")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        load_weights(small(), path)


def test_a_pickled_object_is_refused_and_not_run(tmp_path):
    witness = tmp_path / "witness"
    path = save({**small().state_dict(), "more": Execute(f"touch {witness}")}, tmp_path / "model.pt")
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        load_weights(small(), path)
    assert not witness.exists()


def test_the_handler_loads_before_the_first_iteration(tmp_path):
    one, other = small(), small()
    path = save(one.state_dict(), tmp_path / "model.pt")
    engine = Engine(lambda engine, _: {name: value.clone() for name, value in other.state_dict().items()})
    LoadWeights(other, path).attach(engine)
    engine.run([0], max_epochs=1)
    assert_identical(engine.state.output, dict(one.state_dict()))


# ---- saving the best -------------------------------------------------------------------------------------------------


def test_the_teacher_of_the_best_epoch_is_kept(acdc_tree, tmp_path):
    """Scores .1, .7, .3: the file holds what the teacher was in epoch 2."""
    network, path = tiny_net(acdc_tree), tmp_path / "new" / "best.pt"
    evaluator = Engine(lambda engine, _: None)
    evaluator.state.best_metric_epoch = -1

    def train(engine: Engine, _: Any) -> None:
        evaluator.state.best_metric_epoch = {1: 1, 2: 2, 3: 2}[engine.state.epoch]
        nn.init.constant_(network.head.weight, engine.state.epoch)

    trainer = Engine(train)
    trainer.teacher = type("Teacher", (), {"network": network})()
    SaveBestWeights(path, evaluator=evaluator).attach(trainer)
    trainer.run([0], max_epochs=3)
    assert load_weights(tiny_net(acdc_tree), path).head.weight.unique().tolist() == [2]
    assert [file.name for file in path.parent.iterdir()] == ["best.pt"]


def test_without_a_best_epoch_nothing_is_written(tmp_path):
    evaluator = Engine(lambda engine, _: None)
    evaluator.state.best_metric_epoch = -1
    trainer = Engine(lambda engine, _: None)
    SaveBestWeights(tmp_path / "best.pt", evaluator=evaluator).attach(trainer)
    trainer.run([0], max_epochs=2)
    assert list(tmp_path.iterdir()) == []
