"""One short text that is the same for scores measured on the same cases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def fingerprint(cases: Iterable[Mapping[str, Any]]) -> str:
    """sha256 (hex) of each case's name, voxel hash and supervision; the order of the cases does not matter.

    Example:
        >>> cases = [{"case": name, "sha1": "…", "supervision": "fine"} for name in ("a", "b")]
        >>> fingerprint(cases) == fingerprint(cases[::-1]) != fingerprint(cases[:1])
        True
    """
    rows = sorted([case["case"], case.get("sha1", ""), case["supervision"]] for case in cases)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
