"""A person's order to ask failed authors of many buckets again, kept in Dagster's record of a materialisation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True)
class RedriveOrder:
    """`root`: the mark of the root. `at`: only failures from before it are asked again, so that none is asked twice."""

    root: str
    at: datetime
    reasons: tuple[str, ...]
    buckets: tuple[str, ...]

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "root": self.root,
            "at": self.at.isoformat(),
            "reasons": list(self.reasons),
            "buckets": list(self.buckets),
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        at = datetime.fromisoformat(found["at"])
        return cls(found["root"], at, tuple(found["reasons"]), tuple(found["buckets"]))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of each of its runs."""
        return {"redrive": {"reasons": list(self.reasons), "failed_before": self.at.isoformat()}, "spend": True}
