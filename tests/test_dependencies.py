"""What pyproject.toml asks for is what the package imports, and can be installed together."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli", reason="Python 3.10 reads TOML with tomli alone")

REPOSITORY = Path(__file__).parents[1]
#: What the packages of MONAI Label 0.8.5 leave us (pydicom-seg 0.4.1 wants jsonschema 3, MONAI Label numpy 1, which
#: pandas 3 does not know).
MONAI_LABEL = {
    "jsonschema": "3.2.0",
    "numpy": "1.26.4",
    "pandas": "2.3.3",
    "monai": "1.6.1",
    "setuptools": "84.2.1",
    "pydicom": "2.4.5",
}
#: Asked for although no module of ours imports it.
WANTED_BY_OTHERS = {
    "tensorboard": "torch.utils.tensorboard writes with it",
}
#: In an extra, and imported by others: pandas reads Parquet with it, MONAI opens slides, PyTorch writes ONNX.
EXTRAS_OF_OTHERS = {"pyarrow", "openslide-python", "openslide-bin", "onnx", "onnxscript", "onnxruntime"}
#: Comes with another package for certain.
BROUGHT_ALONG = {"pydantic-core": "pydantic asks for exactly one version of it"}
#: Comes with MONAI Label, as the folder of its sample app.
MONAI_LABEL_MODULES = {"monailabel", "monaibundle"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", MONAI_LABEL)
def test_the_label_extra_admits_what_monai_label_needs(project: dict[str, Any], name: str) -> None:
    asked = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["label"])]
    ours = [each for each in asked if each.name == name]
    assert ours
    assert all(each.specifier.contains(MONAI_LABEL[name]) for each in ours)


def test_every_dependency_is_bounded(project: dict[str, Any]) -> None:
    """By the next release that may break it, or pinned."""
    asked = [Requirement(text) for text in project["dependencies"]]
    assert [each.name for each in asked if not any(one.operator in ("<", "==") for one in each.specifier)] == []


def imported_packages(source: str) -> Iterator[str]:
    """Top-level names that a module imports when it runs, at its top or inside functions."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).split(".")[0]
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Distributions whose modules the package imports."""
    files = (REPOSITORY / "src").rglob("*.py")
    names = {name for file in files for name in imported_packages(file.read_text(encoding="utf-8"))}
    foreign = names - {"cladeseg"} - set(sys.stdlib_module_names) - MONAI_LABEL_MODULES
    known = packages_distributions()
    return {canonicalize_name(known.get(name, [name])[0]) for name in foreign}


def asked_for(project: dict[str, Any]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}


def test_every_import_is_declared(project: dict[str, Any], imported: set[str]) -> None:
    """What comes with another package today may not do so tomorrow."""
    extra = {
        canonicalize_name(Requirement(text).name)
        for name in ("dicom", "omics", "onnx", "fusion", "cluster")
        for text in project["optional-dependencies"][name]
    } - EXTRAS_OF_OTHERS
    assert imported - asked_for(project) == {*BROUGHT_ALONG, *extra}


def test_only_one_file_imports_the_dicom_extra_and_not_at_its_top() -> None:
    """Everything else works without it."""
    files = [file for file in (REPOSITORY / "src").rglob("*.py") if "highdicom" in imported_packages(_source(file))]
    assert [file.name for file in files] == ["dicom_seg.py"]
    top = [node for node in ast.parse(_source(files[0])).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not {"highdicom", "pydicom"} & {name for node in top for name in imported_packages(ast.unparse(node))}


def _source(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_every_declared_dependency_is_imported_or_has_a_reason(project: dict[str, Any], imported: set[str]) -> None:
    assert asked_for(project) - imported == set(WANTED_BY_OTHERS)


def test_the_import_scan_finds_what_is_hidden_in_functions() -> None:
    source = "import a.b\ndef f():\n    from c.d import e\nfrom . import g\nif True:\n    import h as i, j"
    source += "\nif TYPE_CHECKING:\n    import k"
    assert set(imported_packages(source)) == {"a", "c", "h", "j"}


def test_the_pinned_versions_are_among_those_asked_for(project: dict[str, Any]) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(pin.name): pin for pin in map(Requirement, (line for line in lines if line[0] != "#"))}
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    extras = [text for name in ("dev", "dicom", "docs") for text in project["optional-dependencies"][name]]
    for text in (*project["dependencies"], *extras, *build):
        asked = Requirement(text)
        (pin,) = pins[canonicalize_name(asked.name)].specifier
        assert asked.specifier.contains(pin.version), f"{text} does not admit {pin}"


def test_hooks_fetch_nothing_when_they_run() -> None:
    repos = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    assert {hook["language"] for repo in repos for hook in repo["hooks"]} == {"system"}
