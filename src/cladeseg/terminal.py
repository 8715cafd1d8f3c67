"""Output that every terminal can show: other characters for those that its encoding lacks, and no foreign chatter."""

from __future__ import annotations

import codecs
import logging
import sys
import warnings

#: Plain spellings of the characters that our messages and tables use.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("–—─━", "-"),
        **dict.fromkeys("│┃", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╞╡╪┏┓┗┛┡┩┳┻╇", "+"),
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "×": "x",
        "…": "...",
        "●": "*",
        "±": "+-",
        "µ": "u",
        "³": "3",
    }
)
_HANDLER = "cladeseg_plain"


def show_anywhere() -> None:
    """From now on, print what the terminal's encoding lacks in plain characters, instead of failing on it.

    File names that are no text in any encoding are shown with question marks.
    """
    codecs.register_error(_HANDLER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's or a test's stream need not have it
            stream.reconfigure(errors=_HANDLER)


def quieten_libraries() -> None:
    """Leave out what libraries say of optional parts that nobody asked for."""
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader", category=UserWarning)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(one if one.isascii() else "?" for one in written), error.end
