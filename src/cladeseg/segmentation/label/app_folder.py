"""MONAI Label's app folder for one bundle: its own monaibundle app, our strategy, a link to the bundle."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cladeseg.files import DataError, atomic_write

_SAMPLE = ("sample-apps", "monaibundle", "main.py")
#: MONAI Label takes the class of main.py that names MONAILabelApp among its direct bases.
_MAIN = '''"""MONAI Label's monaibundle app with active learning along the label tree; written by cladeseg."""

import monaibundle
from cladeseg.segmentation.label import strategies_of
from monailabel.interfaces.app import MONAILabelApp


class CladesegApp(monaibundle.MyApp, MONAILabelApp):
    def init_strategies(self):
        return {**strategies_of(self.models), **super().init_strategies()}
'''


def prepare_app(bundle: str | Path, app: str | Path) -> Path:
    """Make the folder that ``monailabel start_server --app`` wants, from what is installed, without a network.

    The bundle is linked, not copied: a training in MONAI Label offers its weights to the bundle itself.

    Args:
        bundle: the bundle's folder.
        app: the folder to make; one made before is brought up to date.

    Returns:
        The folder.

    Raises:
        DataError: MONAI Label is not installed, ``bundle`` is no bundle, or the folder cannot be written.
    """
    bundle, app = require_bundle(bundle), Path(app)
    source = installed_app()
    try:
        (app / "model").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "main.py", app / "monaibundle.py")
        _link(bundle, app / "model" / bundle.name)
    except OSError as error:
        raise DataError(f"{app}: cannot be made into an app folder ({error})") from error
    with atomic_write(app / "main.py") as file:
        file.write_text(_MAIN, encoding="utf-8", newline="\n")
    return app


def require_bundle(bundle: str | Path) -> Path:
    """The bundle's absolute folder.

    Raises:
        DataError: MONAI Label would find no bundle there.
    """
    folder = Path(bundle).resolve()
    for name in ("metadata.json", "train.json", "inference.json"):
        if not (folder / "configs" / name).is_file():
            raise DataError(f"{folder / 'configs' / name}: not found; is {bundle} a bundle's folder?")
    return folder


def installed_app() -> Path:
    """The folder of the monaibundle app that came with the installed MONAI Label.

    Raises:
        DataError: it is not installed.
    """
    try:
        files = distribution("monailabel").files or []
    except PackageNotFoundError as error:
        raise DataError("MONAI Label is not installed here; pip install 'cladeseg[label]'") from error
    found = [Path(str(file.locate())) for file in files if file.parts[-3:] == _SAMPLE]
    if not found or not found[0].is_file():
        raise DataError("the installed MONAI Label came without its sample app monaibundle; install it again")
    return found[0].resolve().parent


def _link(bundle: Path, link: Path) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(bundle, target_is_directory=True)
