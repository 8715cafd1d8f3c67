"""Weights and their description: both whole, or a refusal that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cladeseg.bundle.described_weights import read_description, write_described
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import DataError


def test_a_description_comes_back_and_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(DataError, match=r"model\.json: there is no such file; run training"):
        read_description(folder)
    write_described(folder.safe_weights, {"a": torch.ones(2)}, {"kind": "test"})
    assert read_description(folder)["kind"] == "test"
    folder.safe_weights.write_bytes(folder.safe_weights.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"model\.safetensors"):
        read_description(folder)
