"""The error that every kind of bad input ends in."""

from __future__ import annotations


class DataError(ValueError):
    """Input that cannot be used as it is; the message starts with the file, folder or case at fault."""


def first_cause(error: BaseException) -> BaseException:
    """MONAI wraps what went wrong in one 'applying transform' after the other; only the innermost says it."""
    while error.__cause__ is not None and not isinstance(error, DataError):
        error = error.__cause__
    return error
