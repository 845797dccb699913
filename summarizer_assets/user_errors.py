"""User errors: exceptions that a person can resolve end a run with one sentence instead of a traceback.

Applied to the functions of assets, checks and the IO manager. Any other exception is a bug and keeps its traceback.
"""

import errno
import inspect
import logging
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

import dagster as dg

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.redrive import ChoiceError
from summarizer_assets.ingest.spill import SpillError
from summarizer_assets.llm.errors import ProviderError
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.storage.errors import StorageError

P = ParamSpec("P")
R = TypeVar("R")

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

_log = logging.getLogger(__name__)


def sentence(error: Exception) -> str | None:
    """The message of a user error on one line; None if `error` is not one."""
    if isinstance(error, USER_ERRORS):
        return made_visible(str(error))
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        return made_visible(f"{error.filename or 'a file'}: {error.strerror}: {_REMEDIES[error.errno]}")
    return None


def fails_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator for functions and generators of assets, checks and IO managers: turns user errors into `dg.Failure`.

    The failure is raised outside the `except` block, so that it has no cause and no context, which may contain text of
    a store or a provider, including secrets.

    Raises:
        dagster.Failure: with the error's sentence; the traceback is logged by this module at DEBUG.
    """

    @wraps(function)
    def plain(*given: P.args, **more: P.kwargs) -> R:
        try:
            return function(*given, **more)
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
        raise failure

    @wraps(function)
    def generator(*given: P.args, **more: P.kwargs) -> Iterator[Any]:
        try:
            yield from cast("Iterator[Any]", function(*given, **more))
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
        else:
            return
        raise failure

    return cast("Callable[P, R]", generator) if inspect.isgeneratorfunction(function) else plain


def _failure(error: Exception) -> dg.Failure | None:
    told = sentence(error)
    if told is None:
        return None
    _log.debug("%s\n%s", told, "".join(traceback.format_tb(error.__traceback__)))
    return dg.Failure(told, allow_retries=False)
