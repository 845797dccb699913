"""The files of the batch service: each belongs to one account, and may expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.terms import BatchTerms

_INPUT: Final = "batch"
_SHORTEST_S, _LONGEST_S = 3_600, 2_592_000  # of an expiry


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: str
    account: str
    name: str
    purpose: str
    content: bytes
    created_at: float
    expires_at: float | None

    @property
    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": int(self.created_at),
            "expires_at": None if self.expires_at is None else int(self.expires_at),
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class Files:
    """All accounts' files, in order of creation."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}

    def upload(
        self, account: str, name: str, content: bytes, fields: dict[str, str], terms: BatchTerms, now: float
    ) -> StoredFile:
        """Store an input file.

        Raises:
            RequestRefusedError: it is too large, for another purpose, or the account has too many files.
        """
        if fields.get("purpose") != _INPUT:
            raise refused(f"{fields.get('purpose')!r} is not one of ['batch']", param="purpose")
        if len(content) > terms.most_bytes:
            raise refused("File is too large.")
        seconds = _expiry(fields)
        lasting = [file for file in self.of(account, now) if file.expires_at is None]
        if seconds is None and terms.most_files is not None and len(lasting) >= terms.most_files:
            raise refused("Too many files: delete some, or let them expire.")
        return self.put(account, name, _INPUT, content, now, None if seconds is None else now + seconds)

    def put(
        self, account: str, name: str, purpose: str, content: bytes, now: float, expires_at: float | None
    ) -> StoredFile:
        file = StoredFile(f"file-{uuid4().hex[:24]}", account, name, purpose, content, now, expires_at)
        self._files[file.id] = file
        return file

    def get(self, account: str, file_id: str, now: float) -> StoredFile:
        """Raises `RequestRefusedError` for a file that the account has not, or no more."""
        file = self._files.get(file_id)
        if file is None or file.account != account or _expired(file, now):
            raise refused(f"No such File object: {file_id}", HTTPStatus.NOT_FOUND, param="id")
        return file

    def delete(self, account: str, file_id: str, now: float) -> None:
        del self._files[self.get(account, file_id, now).id]

    def listed(self, account: str, terms: BatchTerms, now: float) -> list[StoredFile]:
        """Oldest first."""
        return [file for file in self.of(account, now) if now - file.created_at >= terms.listed_after_s]

    def of(self, account: str, now: float) -> list[StoredFile]:
        return [file for file in self._files.values() if file.account == account and not _expired(file, now)]


def page(described: Sequence[dict[str, Any]], after: str | None, limit: int) -> dict[str, Any]:
    """One page of a list, after the object with the id `after`."""
    ids = [one["id"] for one in described]
    if after is not None and after not in ids:
        raise refused(f"No such object: {after}", param="after")
    rest = described[ids.index(after) + 1 :] if after is not None else described
    shown = rest[:limit]
    first, last = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
    return {"object": "list", "data": shown, "first_id": first, "last_id": last, "has_more": len(rest) > limit}


def refused(
    message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, *, code: str | None = None, param: str | None = None
) -> RequestRefusedError:
    return RequestRefusedError(status, message, code=code, param=param)


def _expired(file: StoredFile, now: float) -> bool:
    return file.expires_at is not None and now >= file.expires_at


def _expiry(fields: dict[str, str]) -> int | None:
    text = fields.get("expires_after[seconds]")
    if text is None:
        return None
    if not text.isdecimal() or not _SHORTEST_S <= int(text) <= _LONGEST_S:
        raise refused(f"Invalid 'expires_after.seconds': {text}", param="expires_after.seconds")
    if fields.get("expires_after[anchor]") != "created_at":
        raise refused("Invalid 'expires_after.anchor'", param="expires_after.anchor")
    return int(text)
