"""Conventions that a reader would otherwise have to check by eye; see CONTRIBUTING.md."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "cladeseg"
MODULES = sorted(SOURCE.rglob("*.py"))
CONFIGS = sorted(file for folder in ("bundles", "configs") for file in (REPOSITORY / folder).rglob("*.json"))
BUNDLES = sorted(path.parent.parent for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
SCHEMA = SOURCE / "bundle" / "metadata_schema.json"

#: A module imports from its own subpackage and from those of a lower level only.
LEVELS = {
    # ground floor: knows no system
    "files": 0,
    "terminal": 0,
    "taxonomy": 0,
    "tree_math": 1,
    "cohort": 1,
    "classes": 1,  # of patients: their tree, marginal loss, calibration
    "statistics": 1,
    "report": 1,
    "tasks": 1,
    "bundle": 1,
    "volumes": 1,  # files of images and masks: below everything that looks at one
    # wings: never import one another
    "segmentation.phantoms": 2,
    "segmentation.transforms": 2,
    "segmentation.networks": 2,
    "segmentation.losses": 2,
    "segmentation.metrics": 2,
    "segmentation.mixing": 3,
    "segmentation.data": 3,
    "segmentation.engines": 4,
    "segmentation.inferers": 4,
    "segmentation.baselines": 5,  # each is a step of the engines
    "segmentation.selection": 5,
    "segmentation.pages": 5,  # what evaluation and prediction show at their end
    "segmentation.workflow": 6,
    "segmentation.label": 7,  # serves bundles through MONAI Label
    "clustering.objects": 2,
    "clustering.multicut": 2,
    "clustering.metrics": 2,
    "clustering.phantoms": 2,
    "clustering.descriptors": 3,
    "clustering.pqap": 3,
    "clustering.twin": 3,
    "clustering.calibration": 3,
    "clustering.model": 4,
    "clustering.groups": 4,
    "clustering.pages": 5,
    "clustering.workflow": 6,
    "clustering.study": 6,
    "omics.losses": 1,
    "omics.graph": 1,
    "omics.phantoms": 2,
    "omics.data": 2,
    "omics.contrast": 2,
    "omics.features": 3,  # an omics' values, or their pre-trained embedding
    "omics.model": 4,
    "omics.baselines": 4,
    "omics.pages": 5,
    "omics.study": 6,
    "omics.workflow": 6,
    "fusion.slides": 2,
    "fusion.genes": 2,
    "fusion.features": 3,  # of the tiles of slides
    "fusion.phantoms": 2,
    "fusion.model": 3,
    "fusion.data": 4,
    "fusion.explanation": 4,  # draws what the model attends to over tiles
    "fusion.fitting": 5,  # networks and linear experts on a cohort
    "fusion.baselines": 6,
    "fusion.pages": 6,
    "fusion.workflow": 7,
    "fusion.study": 8,  # cross-validations as the workflow does them
    "pretraining.losses": 7,  # above all of segmentation: this wing trains that one's backbone, never the other way
    "pretraining.views": 7,
    "pretraining.tasks": 8,  # losses on the features of views
    "pretraining.pages": 8,
    "pretraining.workflow": 9,
    # roof
    "demo": 10,  # runs bundle commands and shows what comes out
    "organoid_demo": 10,  # the same for clustering
    "fusion_demo": 10,  # the same for histology and expression
    "pretraining_demo": 10,  # the same for pre-training
    "benchmark": 10,  # does so for a whole grid
    "cli": 11,  # the command line only calls what the other subpackages offer
}
WINGS = ("segmentation", "pretraining", "clustering", "omics", "fusion")
#: Packages without a level: a wing's own file holds its docstring; the root's offers names from any height, which load
#: their modules when a user first asks for them (tests/test_public_names.py: it imports nothing by itself).
WITHOUT_LEVEL = {"", *WINGS}
#: (importing subpackage, imported module) → why this sideways import is right.
SIDEWAYS = {
    ("taxonomy", "cladeseg.files"): "a tree's file is read as every JSON file is",
    ("segmentation.losses", "cladeseg.segmentation.networks.tree_output"): "a loss takes what the network returns",
    ("segmentation.engines", "cladeseg.segmentation.inferers"): "evaluation scores what the predictor writes",
}
#: Files that may exceed the limit, with their own limit; a new entry needs a reason.
LONG_FILES: dict[str, int] = {}
MAX_LINES = 400


def relative(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def subpackage_of(module: str) -> str:
    """``cladeseg.bundle.audit`` → ``bundle``, ``cladeseg.segmentation.losses.tree_loss`` → ``segmentation.losses``.

    The package itself is ``""``, a wing itself its name.
    """
    parts = module.split(".")[1:]
    return ".".join(parts[:2] if parts[:1] and parts[0] in WINGS else parts[:1])


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Modules of ours that a file imports, at its top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "cladeseg")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.ImportFrom) and node.module == "cladeseg":
            yield from (f"cladeseg.{alias.name}" for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and node.module in {f"cladeseg.{wing}" for wing in WINGS}:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cladeseg."):
            yield str(node.module)


def forbidden_imports(importer: str, tree: ast.Module) -> list[str]:
    """Imports that point sideways or upwards, or that are relative and so hide where they point."""
    return [name for name in imported_modules(tree) if name.startswith(".") or not may_import(importer, name)]


def may_import(importer: str, module: str) -> bool:
    subpackage, wanted = subpackage_of(importer), subpackage_of(module)
    if subpackage == wanted or (subpackage, module) in SIDEWAYS:
        return True
    # A name of the root package has no level: it loads what lies at any height, and is for users alone.
    return wanted in LEVELS and LEVELS[wanted] < LEVELS[subpackage]


# ---- source ----------------------------------------------------------------------------------------------------------


def test_every_subpackage_has_a_level() -> None:
    subpackages = {subpackage_of(module_name(file)) for file in MODULES} - WITHOUT_LEVEL
    assert subpackages <= set(LEVELS), f"give {sorted(subpackages - set(LEVELS))} a level, here and in CONTRIBUTING.md"


@pytest.mark.parametrize(
    "file", [file for file in MODULES if subpackage_of(module_name(file)) not in WITHOUT_LEVEL], ids=relative
)
def test_imports_point_downwards_only(file: Path) -> None:
    assert forbidden_imports(module_name(file), tree_of(file)) == []


@pytest.mark.parametrize(
    ("importer", "line", "allowed"),
    [
        ("cladeseg.segmentation.losses.tree_loss", "from cladeseg.taxonomy import Taxonomy", True),
        ("cladeseg.segmentation.losses.tree_loss", "from cladeseg.segmentation.losses.build import build_loss", True),
        ("cladeseg.segmentation.losses.a", "from cladeseg.segmentation.networks.tree_output import TreeOutput", True),
        ("cladeseg.segmentation.losses.a", "from cladeseg.segmentation.networks.net import HierarchicalNet", False),
        ("cladeseg.segmentation.losses.a", "from cladeseg.segmentation import mixing", False),
        ("cladeseg.segmentation.losses.a", "import cladeseg.segmentation.engines", False),
        ("cladeseg.segmentation.losses.tree_loss", "from . import build", False),
        ("cladeseg.taxonomy", "def f():\n    from cladeseg.segmentation.data import cases_of", False),
        ("cladeseg.bundle.audit", "from cladeseg.segmentation.data import cases_of", False),
        ("cladeseg.segmentation.data.acdc", "from cladeseg.segmentation.mixing import EmaTeacher", False),
        ("cladeseg.segmentation.label.serve", "from cladeseg import Taxonomy", False),
        ("cladeseg.pretraining.losses.a", "from cladeseg.segmentation.networks import Backbone", True),
        ("cladeseg.segmentation.workflow.plan", "from cladeseg.pretraining.losses import NTXentLoss", False),
    ],
)
def test_the_import_rule_finds_planted_faults(importer: str, line: str, allowed: bool) -> None:
    assert (forbidden_imports(importer, ast.parse(line)) == []) is allowed


@pytest.mark.parametrize("file", MODULES, ids=relative)
def test_modules_have_a_docstring_and_no_print_or_assert(file: Path) -> None:
    tree = tree_of(file)
    docstring = ast.get_docstring(tree)
    assert docstring, "the first line says what the file is for"
    assert not docstring.startswith("TODO")
    nodes = list(ast.walk(tree))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    prints = [node.lineno for node in called if isinstance(node, ast.Name) and node.id == "print"]
    assert prints == [], "print: use logging, tqdm or rich"
    asserts = [node.lineno for node in nodes if isinstance(node, ast.Assert)]
    assert asserts == [], "assert: raise an error that names the file, key or value"


@pytest.mark.parametrize("file", MODULES, ids=relative)
def test_files_stay_short(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONG_FILES.get(file.relative_to(SOURCE).as_posix(), MAX_LINES)


# ---- configs ---------------------------------------------------------------------------------------------------------


def strings_in(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | dict):
        for item in content.values() if isinstance(content, dict) else content:
            yield from strings_in(item)


@pytest.mark.parametrize("file", CONFIGS, ids=relative)
def test_configs_parse_and_hold_no_lambda(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    assert [text for text in strings_in(content) if text.startswith("$") and "lambda" in text] == []


@pytest.mark.parametrize("bundle", BUNDLES, ids=relative)
def test_bundles_have_the_files_of_the_format(bundle: Path) -> None:
    expected = ["LICENSE", "docs/README.md", "docs/data_license.txt", "configs/train.json", "configs/inference.json"]
    assert [name for name in expected if not (bundle / name).is_file()] == []


# ---- the offline schema of metadata.json -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def test_the_schema_is_a_valid_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("bundle", BUNDLES, ids=relative)
def test_metadata_follows_the_schema(bundle: Path, schema: dict[str, Any]) -> None:
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    jsonschema.validate(metadata, schema)
    assert metadata["version"] in metadata["changelog"]
    pred = metadata["network_data_format"]["outputs"]["pred"]
    # The integers of masks, see test_channel_def_maps_the_integers_of_masks_to_leaves.
    values = [int(value) for value in pred["channel_def"]]
    assert values == sorted(set(values))
    assert len(values) == pred["num_channels"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 1),
        ("version", None),
        ("changelog", {}),
        ("schema", "https://example.org/meta_schema_20220324.json"),
        ("required_packages_version", ["nibabel"]),
        ("supported_apps", ["monai-label"]),
        ("authors", ""),
        ("network_data_format/inputs/image", None),
        ("network_data_format/outputs/pred", None),
        ("network_data_format/outputs/pred/channel_def", None),
        ("network_data_format/outputs/pred/channel_def", {"heart": "1"}),
        ("network_data_format/outputs/pred/num_channels", "4"),
        ("network_data_format/outputs/pred/dtype", "float"),
        ("network_data_format/outputs/pred/is_patch_data", "true"),
        ("network_data_format/inputs/image/value_range", [0]),
        ("network_data_format/inputs/image/spatial_shape", ["16*k"]),
        ("network_data_format/inputs/image/spatial_shape", [0, 0, 0]),
    ],
)
def test_the_schema_refuses_planted_faults(key: str, value: Any, schema: dict[str, Any]) -> None:
    metadata = json.loads((BUNDLES[0] / "configs" / "metadata.json").read_text(encoding="utf-8"))
    broken = copy.deepcopy(metadata)
    *parents, last = key.split("/")
    target = broken
    for parent in parents:
        target = target[parent]
    target[last] = value
    if value is None:
        del target[last]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_no_two_test_files_share_a_name() -> None:
    """The tests are no packages, so pytest would refuse to collect the second one."""
    names = [file.name for file in (REPOSITORY / "tests").rglob("*.py") if file.name != "conftest.py"]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
