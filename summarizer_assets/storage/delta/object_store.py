"""Preflight checks of an object store: it answers, grants access, and never accepts two commits of one version.

Why (measured with deltalake 1.6): a commit is a put with `If-None-Match: *`, and a store that ignores this condition
loses commits silently. delta-rs offers no plain put, but creating two tables at the same place at once makes exactly
these two puts. delta-rs itself waits 15 s for a refused connection and minutes for a silent one.
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

from summarizer_assets.core.delta_log import FOLDER, entry_name
from summarizer_assets.storage.delta.commits import CREATE_ONCE
from summarizer_assets.storage.delta.store_errors import endpoint_of, store_errors
from summarizer_assets.storage.errors import StoreUnfit, TableError

#: Timeouts of the preflight checks; the work itself uses delta-rs' own.
_IMPATIENT = {"timeout": "10s", "connect_timeout": "5s", "max_retries": "4", "retry_timeout": "20s"}
# A round counts only if both writers looked for the table before either created it: nine of ten rounds on loopback.
_ROUNDS = 30
_PROBE = pa.schema([pa.field("probe", pa.string())])
_FIRST_COMMIT = f"{FOLDER}/{entry_name(0)}"
_SCHEMES = ("http://", "https://")

_asking = threading.Lock()
_answered: set[tuple[str, str]] = set()
_fit: set[tuple[str, str]] = set()


def require_answer(root: str, options: Mapping[str, str]) -> None:
    """List the store of `root`, once per process. A local folder is not checked.

    Raises:
        StoreUnfit: no bucket, no access, no credentials or no answer; the message says which, and what to set.
        TableError: the store failed in another way.
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
    """Let two writers commit the first version of a test table at once, once per process; only one may succeed.

    The test table lies under `<root>/_preflight` and is removed. A local folder is not checked.

    Raises:
        StoreUnfit: both writers succeeded, or as for `require_answer`.
        TableError: the store failed in another way.
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
    """Outcomes of two writers that commit version 0 at once: taken, refused by the put, or late (not tried)."""
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
    """The options with short timeouts, unless the user set `AWS_TIMEOUT` or `AWS_CONNECT_TIMEOUT`."""
    given = {name.upper() for name in options}
    ours = {name: value for name, value in _IMPATIENT.items() if f"AWS_{name.upper()}" not in given}
    return {**options, **ours}


def _at(options: Mapping[str, str]) -> str:
    endpoint = endpoint_of(options)
    return f" at {endpoint}" if endpoint else ""
