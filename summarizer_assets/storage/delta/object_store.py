"""Whether an object store can hold tables: it answers, lets us in, and never takes two commits for one version.

Facts this rests on (measured with deltalake 1.6): a commit is a put with `If-None-Match: *`, and a store that ignores
the condition loses commits silently; delta-rs has no plain put to ask with, but two tables created at once at one place
make just these two puts; delta-rs itself waits 15 s for a refused connection and minutes for a silent one.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.fs import DeltaStorageHandler

from summarizer_assets.storage.delta.commits import CREATE_ONCE
from summarizer_assets.storage.delta.store_errors import endpoint_of, store_errors
from summarizer_assets.storage.errors import StoreUnfit, TableError

#: For the questions asked before any work; the work itself is done with delta-rs' own patience.
_IMPATIENT = {"timeout": "10s", "connect_timeout": "5s", "max_retries": "4", "retry_timeout": "20s"}
# Both writers must have looked for the table before either has made it; nine of ten rounds go so on loopback.
_ROUNDS = 30
_PROBE = pa.schema([pa.field("probe", pa.string())])
_FIRST_COMMIT = f"_delta_log/{0:020d}.json"
_SCHEMES = ("http://", "https://")

_asking = threading.Lock()
_answered: set[tuple[str, str]] = set()
_fit: set[tuple[str, str]] = set()


def require_answer(root: str, options: Mapping[str, str]) -> None:
    """Ask the store of `root` for a list, once in the life of this process. A folder needs no asking.

    Raises:
        StoreUnfit: no bucket, no access, no credentials, nobody there: which, and what to set.
        TableError: the store failed otherwise.
    """
    if "://" not in root:
        return
    endpoint = endpoint_of(options)
    with _asking:
        if (root, endpoint) in _answered:
            return
        if endpoint and not endpoint.startswith(_SCHEMES):
            raise StoreUnfit(
                f"{root}: AWS_ENDPOINT_URL={endpoint} is no address of a store; write it with http:// or https://"
            )
        with store_errors(root, options, "the store cannot be used"):
            DeltaTable.is_deltatable(f"{root}/authors", _impatient(options))
        _answered.add((root, endpoint))


def require_put_if_absent(root: str, options: Mapping[str, str]) -> None:
    """Have two writers commit the first version of a table at once, once in the life of this process.

    What they make lies under `<root>/_preflight` and is removed. A folder needs no asking.

    Raises:
        StoreUnfit: both were told yes, or as `require_answer`.
        TableError: the store failed otherwise.
    """
    require_answer(root, options)
    if "://" not in root:
        return
    endpoint = endpoint_of(options)
    with _asking:
        if (root, endpoint) in _fit:
            return
        with store_errors(root, options, "the store takes no commit"):
            _see_a_refusal(root, options)
        _fit.add((root, endpoint))


def _see_a_refusal(root: str, options: Mapping[str, str]) -> None:
    for _ in range(_ROUNDS):
        told = _two_commits(f"{root}/_preflight/{uuid4().hex}", _impatient(options))
        if told["taken"] > 1:
            raise StoreUnfit(
                f"{root}: the object store{_at(options)} ignores `If-None-Match: *`: it took two commits for one "
                "version, so that runs side by side would lose rows, and nobody would be told; use a store with "
                "conditional writes, such as AWS S3 or a current MinIO, or update this one"
            )
        if told["refused"]:
            return
    raise TableError(
        f"{root}: two commits at once never met in {_ROUNDS} tries, so nobody knows whether the object store"
        f"{_at(options)} honours `If-None-Match`; try again when the machine has less to do"
    )


def _two_commits(uri: str, options: dict[str, str]) -> Counter[str]:
    """What two writers are told that commit version 0 at once: taken, refused by the put, or late (not tried)."""
    together = threading.Barrier(2)

    def commit(_: int) -> str:
        together.wait()
        try:
            DeltaTable.create(uri, _PROBE, mode="error", storage_options=options, commit_properties=CREATE_ONCE)
        except CommitFailedError:
            return "refused"
        except DeltaError as error:
            if "already exists" not in str(error):
                raise
            return "late"
        return "taken"

    with ThreadPoolExecutor(2) as pool:
        told = Counter(pool.map(commit, range(2)))
    DeltaStorageHandler(uri, options).delete_file(_FIRST_COMMIT)
    return told


def _impatient(options: Mapping[str, str]) -> dict[str, str]:
    """With the user's own `AWS_TIMEOUT` and `AWS_CONNECT_TIMEOUT` where they are set."""
    given = {name.upper() for name in options}
    ours = {name: value for name, value in _IMPATIENT.items() if f"AWS_{name.upper()}" not in given}
    return {**options, **ours}


def _at(options: Mapping[str, str]) -> str:
    endpoint = endpoint_of(options)
    return f" at {endpoint}" if endpoint else ""
