"""Whether an ingest may take what it would take: too much is refused, unless a person said yes to just that."""

from collections.abc import Callable
from dataclasses import dataclass

from summarizer_assets.core.ingest_loss import Loss, Shares, likely_cause, objections


class LossRefused(Exception):
    """Nothing was written. `loss.code` says yes to it."""

    def __init__(self, message: str, loss: Loss) -> None:
        super().__init__(message)
        self.loss = loss


@dataclass(frozen=True)
class Permission:
    """`accepted`: the code of the loss that a person said yes to, if any."""

    shares: Shares
    accepted: str = ""


def judge(loss: Loss, permission: Permission, id_column: str, log: Callable[[str], None]) -> None:
    """Let the ingest go on, or raise.

    Raises:
        LossRefused: it would take too much.
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
