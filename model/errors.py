"""Errors that a user can cause; the command line turns each into one line and exit status 2."""


class UserError(Exception):
    """Something given to the program is wrong. The message says what was wanted, then `Received: ...`."""


class BodyFileError(UserError):
    """A body model file is missing, unreadable or of the wrong layout."""


class BodyMismatchError(UserError):
    """Data of one body met a model or layer of another."""


class MotionError(UserError):
    """A motion file cannot be read or mapped to the body's joints."""


class RecordError(UserError):
    """A record does not follow the layout of components/records.py."""


class VideoError(UserError):
    """A video or image cannot be read."""


class ConfigError(UserError):
    """A setting has a value that cannot work."""


class NonFiniteError(UserError):
    """Training met a loss or gradient that is NaN or infinite."""
