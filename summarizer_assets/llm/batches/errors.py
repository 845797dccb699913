"""What can go wrong in a call about files and batch jobs, each class saying what is known of its effect.

::

    BatchCallFailed              see `ProviderError`
    ├── CallUnknown              no answer, or a server's own fault: it may be done  -> look before a second create
    ├── CallThrottled            too many calls or jobs; not done                          -> later
    ├── CallMissing              no such file, job, or service                             -> look again, then give up
    ├── CallRefused              not done, and never will be as it is                      -> its fields say why
    │   └── FileGone             the file that a job was to be made of is not there any more   -> upload it again
    └── AccountRefused           not done: the key, the credit, the model                  -> stop the run
"""

from summarizer_assets.llm.errors import ProviderError, StopCause


class BatchCallFailed(ProviderError):
    """A call without the answer that was wanted. The message is safe to log and to store."""


class CallUnknown(BatchCallFailed):
    pass


class CallThrottled(BatchCallFailed):
    pass


class CallMissing(BatchCallFailed):
    pass


class CallRefused(BatchCallFailed):
    """`fields`: of the request, that the refusal speaks of."""

    fields: frozenset[str] = frozenset()


class FileGone(CallRefused):
    pass


class AccountRefused(BatchCallFailed):
    cause: StopCause = StopCause.AUTH
