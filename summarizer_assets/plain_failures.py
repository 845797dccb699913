"""User errors in Dagster: they fail a run with one sentence.

Applied to the functions of assets, checks and the IO manager. The commands do not need it, and start without Dagster.
"""

import inspect
import logging
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import dagster as dg

from summarizer_assets.user_errors import sentence

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)


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
