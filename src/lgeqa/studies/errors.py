"""Errors of requests about ratings."""

from lgeqa.errors import UsageError


class RatingError(UsageError):
    """A study, a reader or a rating cannot be accepted."""


class NotFoundError(RatingError):
    """A study, a reader or a reading with this number does not exist."""


class ConflictError(RatingError):
    """The state of the study, or data that is already saved, does not allow the request."""
