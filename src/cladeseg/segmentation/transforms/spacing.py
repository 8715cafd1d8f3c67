"""MONAI's ``Spacingd`` that leaves strings such as ``image_path`` alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any

import monai.transforms


class Spacingd(monai.transforms.Spacingd):
    """:class:`monai.transforms.Spacingd` for items that carry string keys beginning with an image key.

    MONAI 1.6 updates every entry whose key starts with ``image_`` as if it were a metadata dictionary, and fails on
    the string ``image_path`` that MONAI Label adds.  Such entries are hidden during the call.  Arguments as upstream.
    """

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Resample every key to the target spacing."""
        hidden = {k: v for k, v in data.items() if self._is_foreign(k, v)}
        shown = {k: v for k, v in data.items() if k not in hidden}
        return {**super().__call__(shown, lazy), **hidden}

    def _is_foreign(self, key: Hashable, value: Any) -> bool:
        named_like_metadata = any(str(key).startswith(f"{own}_") for own in self.keys)
        return named_like_metadata and not isinstance(value, MutableMapping)
