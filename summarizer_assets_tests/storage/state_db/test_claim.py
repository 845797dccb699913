"""A claim is renewed for as long as its run lives, whatever the store says in between."""

import threading

import pytest

from summarizer_assets.storage.errors import ClaimLost, StorageError
from summarizer_assets.storage.state_db.claim import Claim
from summarizer_assets.storage.state_db.database import Database


class Failing:
    """A store that answers `error` to so many renewals, then takes them."""

    lease_s = 1.0  # a loaded machine takes half a second for nothing

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left = error, times
        self.renewed = threading.Event()

    def signs_of_life(self):
        return {}

    def try_claim(self, bucket, run_id, token):
        return None

    def renew(self, bucket, token):
        if self.left:
            self.left -= 1
            raise self.error
        self.renewed.set()
        return True

    def release(self, bucket, token):
        pass


ERRORS = [
    StorageError("does not answer"),
    OSError(5, "Input/output error"),
    PermissionError(13, "Permission denied"),
    OSError(116, "Stale file handle"),
    NotADirectoryError(20, "Not a directory"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
    OSError(24, "Too many open files"),
    TimeoutError(110, "Connection timed out"),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_of_the_store_does_not_end_the_renewing(error):
    store = Failing(error, times=1)
    claim = Claim(store, "0000", "run")
    claim.acquire()
    try:
        assert store.renewed.wait(30)
        claim.check()
    finally:
        claim.release()


def test_a_claim_that_no_error_lets_renew_is_lost_once_its_lease_is_over():
    store = Failing(OSError(5, "Input/output error"), times=10**9)
    claim = Claim(store, "0000", "run")
    claim.acquire()
    claim._thread.join(30)
    with pytest.raises(ClaimLost, match="Input/output error"):
        claim.check()
    claim.release()


def instead_of_a_folder(folder):
    folder.rename(folder.with_name("gone"))
    folder.write_text("a file")


def linked_in_a_circle(folder):
    folder.rename(folder.with_name("gone"))
    folder.symlink_to(folder)


def with_a_file_linked_in_a_circle(folder):
    (folder / "state.sqlite").unlink()
    (folder / "state.sqlite").symlink_to("state.sqlite")


@pytest.mark.parametrize("spoil", [instead_of_a_folder, linked_in_a_circle, with_a_file_linked_in_a_circle])
def test_a_path_that_leads_nowhere_any_more_is_the_store_s_own_error(tmp_path, spoil):
    folder = tmp_path / "state"
    database = Database(str(folder / "state.sqlite"))
    with database.begin():
        pass
    spoil(folder)
    with pytest.raises(StorageError, match=r"the state store .*state\.sqlite"), database.begin():
        pass
