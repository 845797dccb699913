"""The exception raised for unreadable sources."""


class SourceError(ValueError):
    """A source cannot be read; the message names the object, the cause and the remedy."""
