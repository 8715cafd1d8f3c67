"""The error that every kind of bad input ends in."""


class DataError(ValueError):
    """Input that cannot be used as it is; the message starts with the file, folder or case at fault."""
