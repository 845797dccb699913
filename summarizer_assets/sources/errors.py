"""The one error of the input side."""


class SourceError(ValueError):
    """A source that cannot be read: names the object, the cause and the remedy."""
