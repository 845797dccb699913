"""User errors: exceptions that a person can resolve are told in one sentence instead of a traceback.

Any other exception is a bug and keeps its traceback.
"""

import errno
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.redrive import ChoiceError
from summarizer_assets.ingest.spill import SpillError
from summarizer_assets.llm.errors import ProviderError
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.storage.errors import StorageError

#: The message of each names the object, the cause and the remedy.
USER_ERRORS: Final = (SettingsError, SourceError, StorageError, ProviderError, SpillError, ChoiceError)

#: Operating system errors with a cause outside the program, and their remedies.
_REMEDIES: Final = {
    errno.ENOSPC: "make room there, then run again",
    errno.EDQUOT: "make room there, or have the quota raised, then run again",
    errno.EACCES: "give the user who runs this the right to it",
    errno.EPERM: "give the user who runs this the right to it",
    errno.EROFS: "it is mounted read-only: choose another folder, or mount it for writing",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away, or choose another folder",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or lower SUMMARIZER_MAX_IN_FLIGHT",
}


def sentence(error: Exception) -> str | None:
    """The message of a user error on one line; None if `error` is not one."""
    if isinstance(error, USER_ERRORS):
        return made_visible(str(error))
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        return made_visible(f"{error.filename or 'a file'}: {error.strerror}: {_REMEDIES[error.errno]}")
    return None
