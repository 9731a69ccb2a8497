"""What can be wrong with a request about ratings."""

from lgeqa.errors import UsageError


class RatingError(UsageError):
    """A study, a reader or a rating cannot be taken as it was given."""


class NotThereError(RatingError):
    """A study, a reader or a reading of this number does not exist."""


class ConflictError(RatingError):
    """The state of the study, or what is kept already, does not allow it."""
