"""cladeseg: fine classes from few fine labels, in 3D medical images.

The names that most scripts begin with can be imported from here; they load what they need when they are first asked
for, so that ``import cladeseg`` alone takes no time.

>>> from cladeseg import Node, Taxonomy
>>> tree = Taxonomy("lung", (Node("background", values={"lung": 0}), Node("tumour", values={"lung": 1})))
>>> tree.leaf_names
('background', 'tumour')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see of the names below
    from cladeseg.segmentation.losses import TreeLoss
    from cladeseg.segmentation.mixing import HierarchicalMix
    from cladeseg.segmentation.networks import HierarchicalHead
    from cladeseg.segmentation.workflow import load_predictor
    from cladeseg.taxonomy import Node, Taxonomy, load_taxonomy

__version__ = "0.1.0"

__all__ = [
    "HierarchicalHead",
    "HierarchicalMix",
    "Node",
    "Taxonomy",
    "TreeLoss",
    "__version__",
    "load_predictor",
    "load_taxonomy",
]

_HOMES = {
    "HierarchicalHead": "cladeseg.segmentation.networks",
    "HierarchicalMix": "cladeseg.segmentation.mixing",
    "Node": "cladeseg.taxonomy",
    "Taxonomy": "cladeseg.taxonomy",
    "TreeLoss": "cladeseg.segmentation.losses",
    "load_predictor": "cladeseg.segmentation.workflow",
    "load_taxonomy": "cladeseg.taxonomy",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
