"""A backbone that starts from pre-trained weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, write_json
from cladeseg.segmentation.engines import load_pretrained, pretrained_images
from cladeseg.segmentation.engines.weights import write_safetensors
from cladeseg.segmentation.networks import build_network, build_two_pass
from cladeseg.taxonomy import Node, Taxonomy

TREE = Taxonomy("t", (Node("background", values={"x": 0}), Node("a", values={"x": 1})))
LEVELS: dict[str, Any] = {"filters": [4, 8, 8], "kernels": [3, 3, 3], "strides": [1, 2, 2]}


def network(**options: Any) -> Any:
    return build_network(TREE, **{**LEVELS, "seed": 0, **options})


def encoder(path: Path, *, record: dict[str, Any] | None = None, **options: Any) -> Path:
    """The backbone of another seed, as a pre-training stores it."""
    state = network(seed=1, **options).state_dict()
    file = path / "encoder.safetensors"
    write_safetensors({name: value for name, value in state.items() if name.startswith("backbone.")}, file)
    if record is not None:
        write_json({**record, "sha256": {file.name: sha256_of(file)}}, path / "model.json")
    return file


def values(net: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_every_tensor_of_the_backbone_is_taken_over_and_no_head(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    net, before, other = network(), values(network()), values(network(seed=1))
    with caplog.at_level(logging.INFO):
        match = load_pretrained(net, encoder(tmp_path))
    total = sum(name.startswith("backbone.") for name in before)
    assert f"matched {total} of {total} tensors" in caplog.text
    assert not match.unmatched
    for name, value in values(net).items():
        assert torch.equal(value, (other if name.startswith("backbone.") else before)[name])


def test_what_does_not_fit_keeps_its_start_and_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    net, before = network(), values(network())
    with caplog.at_level(logging.INFO):
        match = load_pretrained(net, encoder(tmp_path, filters=[4, 8, 16]))
    assert 0 < len(match.matched) < len(before)
    name, reason = next(iter(match.unmatched.items()))
    assert "has shape" in reason
    assert f"not {name}" in caplog.text
    assert torch.equal(values(net)[f"backbone.{name}"], before[f"backbone.{name}"])


def test_weights_of_which_nothing_fits_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"encoder\.safetensors: none of its tensors fits .*has shape"):
        load_pretrained(network(), encoder(tmp_path, filters=[6, 12, 12]))


def test_weights_of_another_backbone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its tensors fits"):
        load_pretrained(network(), encoder(tmp_path, backbone="unet"))


def test_modalities_find_their_stems_by_name(tmp_path: Path) -> None:
    file = encoder(tmp_path, in_channels=3, record={"channels": ["flair", "t1", "t2"]})
    net, other = network(in_channels=2), network(seed=1, in_channels=3)
    match = load_pretrained(net, file, channels=["t2", "flair"])
    assert not match.unmatched
    stem = next(name for name, value in values(net).items() if value.ndim == 5 and value.shape[1] == 2)
    torch.testing.assert_close(values(net)[stem], values(other)[stem][:, [2, 0]])


def test_a_modality_that_was_not_pre_trained_keeps_the_stems_start(tmp_path: Path) -> None:
    file = encoder(tmp_path, in_channels=2, record={"channels": ["flair", "t1"]})
    match = load_pretrained(network(in_channels=1), file, channels=["ct"])
    assert list(match.unmatched.values()) == ["has shape (4, 1, 3, 3, 3), in the file (4, 2, 3, 3, 3)"]


def test_the_second_of_two_passes_is_loaded(tmp_path: Path) -> None:
    net = build_two_pass(TREE, first={**LEVELS, "seed": 0}, second={**LEVELS, "seed": 0})
    first = values(net.first)  # type: ignore[arg-type]
    load_pretrained(net, encoder(tmp_path))
    assert all(torch.equal(value, first[name]) for name, value in values(net.first).items())
    assert all(
        torch.equal(value, values(network(seed=1))[name])
        for name, value in values(net.second).items()
        if name.startswith("backbone.")
    )


def test_a_changed_file_is_not_opened(tmp_path: Path) -> None:
    file = encoder(tmp_path, record={})
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(DataError, match="is damaged or another model's"):
        load_pretrained(network(), file)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = {name: torch.full_like(value, torch.nan) for name, value in network().state_dict().items()}
    write_safetensors(state, tmp_path / "bad.safetensors")
    with pytest.raises(DataError, match="not finite"):
        load_pretrained(network(), tmp_path / "bad.safetensors")


@pytest.mark.parametrize("content", [b"no weights", b""])
def test_a_file_that_holds_no_weights_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"encoder\.safetensors: cannot be read"):
        load_pretrained(network(), file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.safetensors: there are no pre-trained weights"):
        load_pretrained(network(), tmp_path / "gone.safetensors")


def test_the_images_are_those_of_the_description(tmp_path: Path) -> None:
    assert pretrained_images(encoder(tmp_path)) == frozenset()
    assert pretrained_images(encoder(tmp_path, record={"images": ["a", "b"]})) == {"a", "b"}
