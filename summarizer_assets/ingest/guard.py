"""The guard against data loss: an ingest that removes too much is refused unless a person accepted that loss."""

from collections.abc import Callable
from dataclasses import dataclass

from summarizer_assets.core.ingest_loss import Loss, Shares, likely_cause, objections


class LossRefused(Exception):
    """The ingest would remove too much; nothing was written. Passing `loss.code` as `accept_loss` permits it."""

    def __init__(self, message: str, loss: Loss) -> None:
        super().__init__(message)
        self.loss = loss


@dataclass(frozen=True)
class Permission:
    """How much an ingest may remove. `accepted`: code of the loss that a person accepted; empty if none."""

    shares: Shares
    accepted: str = ""


def judge(loss: Loss, permission: Permission, id_column: str, log: Callable[[str], None]) -> None:
    """Return if the ingest may proceed; log whether the permission was used.

    Raises:
        LossRefused: the ingest would remove too much.
    """
    reasons = objections(loss, permission.shares)
    if not reasons:
        if permission.accepted:
            log("`accept_loss` was not needed: this ingest takes nothing that is refused")
        return
    if permission.accepted == loss.code:
        log(f"accepted: the ingest {', and '.join(reasons)}")
        return
    other = f"; `accept_loss` was given as {permission.accepted}, another loss than this" if permission.accepted else ""
    raise LossRefused(
        f"the ingest is refused and nothing was written: it {', and '.join(reasons)}{other}. Likely cause: "
        f"{likely_cause(loss, id_column)}. Mend the source and ingest again",
        loss,
    )
