"""Let torchvision's CUDA build be imported beside a PyTorch for CPUs; imported by a .pth file of the lean environment.

MONAI Label imports torchvision for drawing alone, but torchvision refuses to load where its operators for boxes have no
schema.  They are declared when somebody imports torchvision, so that other programs need not load PyTorch for it.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _BeforeTorchvision(MetaPathFinder):
    library: Any = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "torchvision" and self.library is None:
            self.library = _declare()


def _declare() -> Any:
    import torch

    if torch.version.cuda:  # then torchvision brings the operators themselves
        return ()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


sys.meta_path.insert(0, _BeforeTorchvision())
