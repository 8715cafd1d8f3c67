"""Which channels the images of a data set have, and in which order a new bundle's network gets them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cladeseg.files import DataError
from cladeseg.segmentation.data import channel_names, channels_of, scan_with_channels
from cladeseg.segmentation.data.channels import choose_channels

logger = logging.getLogger(__name__)


def dataset_channels(dataset: str | Path, layout: str, wanted: Sequence[str] = ()) -> list[str]:
    """Names of the channels, in the order of the network's; empty for images with a single one.

    Args:
        dataset: the folder.
        layout: its layout.
        wanted: the ones to use, in order; all that the layout names if empty.

    Raises:
        DataError: the folder is not in this layout; a wanted channel is not there; or there are several and neither
            the layout nor anybody else names them.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=1)
        ...     dataset_channels(folder, "msd")
        []
    """
    cases = scan_with_channels(dataset, layout)
    names = list(wanted) or list(channel_names(cases))
    number = channels_of(choose_channels(cases, names), dataset)
    if number > 1 and not names:
        raise DataError(f"{dataset}: its images have {number} channels; name them in their order, with --channels a,b")
    if names and number != len(names):
        raise DataError(f"{dataset}: its images have {number} channels, not the {len(names)} named {', '.join(names)}")
    if names:
        logger.info("%s: channels, in this order: %s", dataset, ", ".join(names))
    return names
