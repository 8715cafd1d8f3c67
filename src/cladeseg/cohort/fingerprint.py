"""One short text that is the same for scores measured on the same cases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def fingerprint(cases: Iterable[Mapping[str, Any]]) -> str:
    """sha256 (hex) of each case's name, voxel hash and supervision; the order of the cases does not matter."""
    rows = sorted([case["case"], case.get("sha1", ""), case["supervision"]] for case in cases)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
