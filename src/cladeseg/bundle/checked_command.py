"""The command line of a bundle, checked against the settings that there are, with one clear line where it is wrong."""

from __future__ import annotations

from cladeseg.bundle.command_line import check_overrides
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.failure import explain_failures
from cladeseg.bundle.settings import SettingsGroup, setting_names, text_settings


def check_command(settings: type[SettingsGroup]) -> None:
    """Refuse overrides of a command line that nobody obeys; the nearest setting is named.

    A word that belongs to no option makes MONAI leave out a bundle's ``initialize``, which calls this.  So what every
    command needs, the plan or the description of the weights, calls it as well.

    Args:
        settings: of the bundle.

    Raises:
        OverrideError: see :func:`~cladeseg.bundle.check_overrides`.
        DataError: a config cannot be read.
        ValueError: this machine has no such device.
    """
    try:
        given = check_overrides(settings=setting_names(settings), texts=text_settings(settings))
        choose_device(given.get("device", "auto"))
    except ValueError:  # all of ours are of this kind
        explain_failures()  # which ``initialize`` would have done
        raise
