"""What ``from cladeseg import …`` gives, and that ``import cladeseg`` alone loads nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import cladeseg


def test_the_names_of_the_documentation_are_there() -> None:
    from cladeseg import (  # noqa: F401
        HierarchicalHead,
        HierarchicalMix,
        Node,
        Taxonomy,
        TreeLoss,
        load_predictor,
        load_taxonomy,
    )


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("HierarchicalHead", "cladeseg.segmentation.networks"),
        ("HierarchicalMix", "cladeseg.segmentation.mixing"),
        ("Node", "cladeseg.taxonomy"),
        ("Taxonomy", "cladeseg.taxonomy"),
        ("TreeLoss", "cladeseg.segmentation.losses"),
        ("load_predictor", "cladeseg.segmentation.workflow"),
        ("load_taxonomy", "cladeseg.taxonomy"),
    ],
)
def test_a_name_is_the_object_of_its_own_module_and_is_listed(name: str, home: str) -> None:
    assert getattr(cladeseg, name) is getattr(import_module(home), name)
    assert name in cladeseg.__all__
    assert name in dir(cladeseg)


def test_every_listed_name_exists() -> None:
    assert [name for name in cladeseg.__all__ if not hasattr(cladeseg, name)] == []


def test_an_unknown_name_is_refused_as_any_module_does() -> None:
    with pytest.raises(AttributeError, match="module 'cladeseg' has no attribute 'Taxonomie'"):
        cladeseg.Taxonomie  # noqa: B018


def test_the_package_alone_loads_neither_torch_nor_a_module_of_ours() -> None:
    code = (
        "import sys, cladeseg\n"
        "cladeseg.__version__, dir(cladeseg)\n"
        "ours = [name for name in sys.modules if name.startswith('cladeseg.')]\n"
        "print(ours, [name for name in ('torch', 'monai', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] []"
