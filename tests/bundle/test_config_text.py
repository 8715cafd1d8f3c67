"""Configs are written so that a person can read them, and mean what they meant."""

from __future__ import annotations

import json

import pytest

from cladeseg.bundle.config_text import WIDTH, config_text

CONFIG = {
    "epochs": 3,
    "patch_size": [8, 8, 4],
    "name": 'quotes " and ünïcode',
    "network": {"_target_": "torch.nn.Linear", "in_features": 2},
    "long": {f"key_{i}": ["a value of some length"] * 4 for i in range(5)},
    "nothing": {},
}


def test_the_text_is_the_same_json():
    assert json.loads(config_text(CONFIG)) == CONFIG
    assert list(json.loads(config_text(CONFIG))) == list(CONFIG)


def test_what_fits_stays_on_its_line():
    lines = config_text(CONFIG).splitlines()
    assert '    "patch_size": [8, 8, 4],' in lines
    assert '    "network": {"_target_": "torch.nn.Linear", "in_features": 2},' in lines


def test_no_line_is_longer_than_the_width():
    assert max(map(len, config_text(CONFIG).splitlines())) <= WIDTH


def test_a_long_entry_is_set_apart_by_empty_lines():
    text = config_text(CONFIG)
    assert '},\n\n    "long": {\n        "key_0": [' in text
    assert '    },\n\n    "nothing": {}\n}\n' in text


@pytest.mark.parametrize("length", range(WIDTH - 20, WIDTH + 4))
def test_the_limit_counts_the_comma(length: int):
    text = config_text({"a": ["x" * length], "b": 1})
    broken = text.splitlines()[1].endswith("[")
    assert broken or max(map(len, text.splitlines())) <= WIDTH
