"""Where a run's weights are, and what inference must know about how they were trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.errors import DataError
from cladeseg.files import read_json
from cladeseg.networks import HierarchicalNet, build_network
from cladeseg.taxonomy import Taxonomy


def find_weights(output_dir: str | Path, bundle_root: str | Path = ".", weights: str | Path | None = None) -> Path:
    """The weights that a command uses: the named ones, else the run's own, else the bundle's promoted ones.

    Raises:
        DataError: there are none; the message lists where they were looked for.
    """
    if weights is not None:
        return Path(weights)
    candidates = [RunFolder(output_dir).weights, Path(bundle_root) / "models" / "model.pt"]
    for path in candidates:
        if path.is_file():
            return path
    looked = " nor ".join(str(path) for path in candidates)
    raise DataError(f"{output_dir}: no trained weights: neither {looked} exists; train first or pass --weights FILE")


def trained_setting(
    key: str,
    default: Any,
    output_dir: str | Path,
    bundle_root: str | Path = ".",
    weights: str | Path | None = None,
) -> Any:
    """What the weights' description says about ``key`` (``network``, ``spacing``, ``patch_size``).

    A network that was trained on 1.5 mm voxels is silently worse on 2 mm ones, so the value that belongs to the
    weights always wins over the config's.  The default counts where there are no weights yet, or no description.
    """
    try:
        description = find_weights(output_dir, bundle_root, weights).with_name("model.json")
    except DataError:
        return default
    return read_json(description).get(key, default) if description.is_file() else default


def describe_weights(
    path: Path, *, network: Mapping[str, Any], inference: Mapping[str, Any], validation: Mapping[str, Any]
) -> dict[str, Any]:
    """Content of the ``model.json`` that goes with a ``model.pt``."""
    return {"network": dict(network), **inference, "validation": dict(validation), "sha256": sha256_of(path)}


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def network_from(options: Mapping[str, Any], taxonomy: Taxonomy) -> HierarchicalNet:
    """Build a network from one dictionary of options; see :func:`cladeseg.networks.build_network`.

    Raises:
        ValueError: an option is unknown or has an impossible value.
    """
    try:
        return build_network(taxonomy, **options)
    except TypeError as error:
        raise ValueError(f"network_options: {error}") from error
