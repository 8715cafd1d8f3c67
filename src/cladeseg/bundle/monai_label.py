"""What is different when MONAI Label runs a bundle's training: where it writes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.shipped import raise_if_shipped

#: MONAI Label's server sets it for itself and for the trainings that it starts.
_SIGN = "MONAI_LABEL_APP_DIR"


def inside_monai_label() -> bool:
    """Whether this process belongs to a MONAI Label server."""
    return bool(os.environ.get(_SIGN))


def choose_run_folder(output_dir: str | Path, bundle_root: str | Path = ".") -> RunFolder:
    """The folder of a run: ``output_dir``, but a fresh one in the bundle for each training of MONAI Label.

    MONAI Label cannot name a folder, and it trains again whenever somebody asks for it.

    Args:
        output_dir: the config's folder.
        bundle_root: folder of the bundle.

    Raises:
        DataError: MONAI Label trains a bundle of the installed package.
    """
    if not inside_monai_label():
        return RunFolder(output_dir)
    raise_if_shipped(bundle_root)
    # Its app folder links the bundle and may be a temporary one: the log names the folder that stays.
    return RunFolder(_fresh(Path(bundle_root).resolve() / "runs"))


def _fresh(folder: Path) -> Path:
    name = time.strftime("label-%Y%m%d-%H%M%S")
    taken = [path.name for path in folder.glob(f"{name}*")]
    return folder / (f"{name}.{len(taken)}" if taken else name)
