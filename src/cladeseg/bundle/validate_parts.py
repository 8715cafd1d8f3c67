"""The parts of a bundle, built as MONAI Label builds them: tree, labels, network, transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import monai.bundle
from monai.bundle import ConfigParser
from monai.transforms import Compose, Invertd, LoadImaged
from torch import nn

from cladeseg.bundle.audit import METADATA
from cladeseg.bundle.failure import root_cause
from cladeseg.bundle.problem import Problem
from cladeseg.bundle.validate_format import INFERENCE, TRAIN, reads_tables, segments
from cladeseg.files import DataError, read_json
from cladeseg.taxonomy import Taxonomy, TaxonomyError


def part_problems(root: Path) -> list[Problem]:
    """What is wrong with the parts that the configs describe.

    They are built with the device as a plain string, as MONAI Label overrides it, and without any run's weights.
    """
    problems = _first_problem(_parser(root, TRAIN), "plan", _anything, TRAIN)
    if problems:
        return problems  # inference without weights is built from the training's settings too
    if reads_tables(root):
        return []  # its commands are all there is, and building those would run them
    if not segments(root):
        return [problem for name in (INFERENCE, TRAIN) for problem in _shape_problems(root, name)]
    inference = _parser(root, INFERENCE)
    try:
        taxonomy = inference.get_parsed_content("taxonomy")
    except Exception as error:  # noqa: BLE001 a config may build anything, and that may raise anything
        return [_not_built(INFERENCE, "taxonomy", error)]
    problems = [*_label_problems(root, inference, taxonomy), *_network_problems(root)]
    problems += _first_problem(inference, "inferer", _anything)
    problems += _first_problem(inference, "preprocessing", _loads_first)
    if {problem.key for problem in problems if problem.file == INFERENCE} & {"label_convention", "preprocessing"}:
        return problems  # postprocessing is made of both, so it could only repeat them
    return problems + _first_problem(inference, "postprocessing", _inverts)


def _parser(root: Path, name: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(root / name))
    parser.update(_overrides(root))
    return parser


def _overrides(root: Path) -> dict[str, Any]:
    """The bundle's own folder as output folder: what its network is must not depend on somebody's run."""
    return {"bundle_root": str(root), "output_dir": str(root / "no run"), "device": "cpu"}


def _not_built(file: str, key: str, error: Exception) -> Problem:
    return Problem(file, key, f"cannot be built ({root_cause(error)})", "correct its arguments")


# ---- labels ----------------------------------------------------------------------------------------------------------


def _label_problems(root: Path, inference: ConfigParser, taxonomy: Taxonomy) -> Iterator[Problem]:
    """MONAI Label takes a channel's key for the integer that a mask holds."""
    if not isinstance(taxonomy, Taxonomy):
        yield Problem(INFERENCE, "taxonomy", f"is a {type(taxonomy).__name__}", "use cladeseg.taxonomy.load_taxonomy")
        return
    pred = read_json(root / METADATA)["network_data_format"]["outputs"]["pred"]
    place, label_convention = "network_data_format#outputs#pred", inference["label_convention"]
    try:
        written = {str(value): taxonomy.names[node] for value, node in taxonomy.values(label_convention).items()}
    except (DataError, TaxonomyError, ValueError, KeyError) as error:
        yield Problem(
            INFERENCE, "label_convention", f"is none of the taxonomy's ({error})", "name one of its label conventions"
        )
        return
    leaves = {value: name for value, name in written.items() if name in taxonomy.leaf_names}
    if pred["channel_def"] != leaves:
        yield Problem(METADATA, f"{place}#channel_def", f"does not say what masks hold, {leaves}", "write exactly that")
    if pred["num_channels"] != taxonomy.num_leaves:
        what = f"is {pred['num_channels']}, but the tree has {taxonomy.num_leaves} leaves"
        yield Problem(METADATA, f"{place}#num_channels", what, "give the network one channel per leaf")


# ---- network ---------------------------------------------------------------------------------------------------------


def _network_problems(root: Path) -> Iterator[Problem]:
    for name in (INFERENCE, TRAIN):
        problems = _first_problem(_parser(root, name), "network", _is_network, name)
        yield from problems
        if not problems:
            yield from _shape_problems(root, name)


def _shape_problems(root: Path, name: str) -> Iterator[Problem]:
    """The zoo's check: a random patch of the declared shape gives the declared channels and type."""
    files = {"meta_file": str(root / METADATA), "config_file": str(root / name)}
    try:
        monai.bundle.verify_net_in_out(net_id="network_def", **files, **_overrides(root))
    except Exception as error:  # noqa: BLE001 as above
        fix = "make network_data_format in configs/metadata.json and the network agree"
        yield Problem(name, "network_def", f"does not keep the declared shapes ({root_cause(error)})", fix)


# ---- one part --------------------------------------------------------------------------------------------------------


def _first_problem(
    parser: ConfigParser, key: str, fault: Callable[[Any], tuple[str, str] | None], file: str = INFERENCE
) -> list[Problem]:
    """Build what stands at ``key`` and ask ``fault`` for what is wrong with it and the fix."""
    try:
        part = parser.get_parsed_content(key)
    except Exception as error:  # noqa: BLE001 as above
        return [_not_built(file, key, error)]
    found = fault(part)
    return [] if found is None else [Problem(file, key, *found)]


def _transforms(part: Any) -> list[Any]:
    """As MONAI Label takes them: a ``Compose`` or a list."""
    return list(part.transforms) if isinstance(part, Compose) else list(part) if isinstance(part, list | tuple) else []


def _loads_first(part: Any) -> tuple[str, str] | None:
    transforms = _transforms(part)
    if transforms and isinstance(transforms[0], LoadImaged):
        return None
    return "does not start with LoadImaged, so MONAI Label cannot hand over its image", "put a LoadImaged first"


def _inverts(part: Any) -> tuple[str, str] | None:
    if any(isinstance(transform, Invertd) for transform in _transforms(part)):
        return None
    return (
        "has no Invertd, so MONAI Label writes masks in the network's geometry",
        "add Invertd(keys='pred', transform='@preprocessing', orig_keys='image')",
    )


def _is_network(part: Any) -> tuple[str, str] | None:
    return None if isinstance(part, nn.Module) else (f"is a {type(part).__name__}", "it must be a torch.nn.Module")


def _anything(part: Any) -> tuple[str, str] | None:
    return None
