"""The side of the spend ledger that one run, or one batch job, sees."""

import uuid
from typing import Protocol

from summarizer_assets.core.money.spending import Booking, Grant, Wish


class Ledger(Protocol):
    """What an account knows of `ledger.SpendLedger`."""

    lease_s: float

    def settle(self, run: "RunAccount", booking: Booking, wish: Wish, cap: int | None) -> Grant: ...


class RunAccount:
    """One run's side of the ledger, or with `job` a batch job's.

    `lasting`: its lease belongs to no process and does not lapse, for the provider works on without us.
    """

    def __init__(self, ledger: Ledger, run_id: str, bucket: str, asked_as: str = "", *, job: str | None = None) -> None:
        self.lease_s = ledger.lease_s
        self.token = job or uuid.uuid4().hex
        self.lasting = job is not None
        self.run_id = run_id
        self.bucket = bucket
        self.asked_as = asked_as
        self._ledger = ledger

    def settle(self, booking: Booking, wish: Wish, cap: int | None) -> Grant:
        """Book finished requests, renew the lease and reserve again, all in one transaction.

        Afterwards the wish's floor plus the grant's extra is reserved; an empty wish ends the lease.

        Args:
            booking: results since the last call.
            wish: the amounts wanted from now on.
            cap: the most that all runs together may spend, in nano-dollars; None for no cap.

        Raises:
            PastUnknown: there is a cap, but this ledger does not know past spending; nothing was booked.
            StorageError: the store does not answer; whether the booking was committed is unknown.
        """
        return self._ledger.settle(self, booking, wish, cap)
