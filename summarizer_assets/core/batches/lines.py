"""The lines of a batch job: how its requests are written, and its results read and matched with what was asked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import msgspec

#: A job's own key: enough that no two jobs of an account share one.
KEY_CHARACTERS: Final = 16
_CUSTOM_ID: Final = re.compile(
    rf"([0-9a-f]{{{KEY_CHARACTERS}}})-(0|[1-9][0-9]{{0,8}})(?:-([0-9a-f]{{{KEY_CHARACTERS}}}))?"
)
_FILE_NAME: Final = re.compile(rf"summarizer-([0-9a-f]{{{KEY_CHARACTERS}}})-([0-9a-f]+)-([0-9a-f]+)\.jsonl")
_OK: Final = 200


class RequestId(NamedTuple):
    """`key`: of the job. `number`: in it. `root`: of the tables; None where jobs tell that themselves."""

    key: str
    number: int
    root: str | None = None


def custom_id(key: str, number: int, root: str | None = None) -> str:
    """The id of a request in its job; see `RequestId`. Of letters, digits, `-`, and 43 characters at most."""
    return f"{key}-{number}" if root is None else f"{key}-{number}-{root}"


def parts_of(text: object) -> RequestId | None:
    """None: it is no id that we make."""
    found = _CUSTOM_ID.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else RequestId(found[1], int(found[2]), found[3])


def number_of(text: object, key: str) -> int | None:
    """The number of this job's request that an id names; None if it is of no such request."""
    parts = parts_of(text)
    return parts.number if parts is not None and parts.key == key else None


class ToldResult(NamedTuple):
    """What a line of results says, in whatever form. For the rest see `ResultLine`."""

    custom_id: object
    status: int | None
    body: bytes
    code: str | None = None
    request_id: str | None = None


class LineForm(Protocol):
    """How a provider has a job's requests written, and writes their results: a line each."""

    def request(self, custom_id: str, body: bytes) -> bytes:
        """The line of one request, with its end. `body`: a JSON document."""

    def result(self, text: bytes) -> ToldResult:
        """What a line says.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError, RecursionError: it cannot be read.
        """


def digest_of(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def file_name(key: str, digest: str, root: str) -> str:
    """The name under which a file is found again: it tells the job, the very bytes, and the tables."""
    return f"summarizer-{key}-{digest}-{root}.jsonl"


def mark_of_file(name: str) -> Mapping[str, str]:
    """What the name of a job's file tells of it, as `metadata_of` has it; of somebody else's: nothing."""
    found = _FILE_NAME.fullmatch(name)
    return {} if found is None else metadata_of(found[1], found[2], found[3])


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of a result file.

    `status` and `body`: of the response; None if there was none, and `code` says why. `body` is a JSON document.
    """

    number: int
    status: int | None
    body: bytes
    code: str | None
    request_id: str | None

    @property
    def answered(self) -> bool:
        return self.status == _OK

    @property
    def digest(self) -> bytes:
        """Of what it says: equal for a line that was written twice."""
        return blake2b(b"%d %b" % (self.status or 0, self.body), digest_size=8).digest()


@dataclass
class Oddities:
    """What no line of ours explains: counts."""

    unreadable: int = 0  # cut, or no JSON
    unknown: int = 0  # of ids that nobody sent


def read_result(form: LineForm, text: bytes, key: str, requests: int, odd: Oddities) -> ResultLine | None:
    """The result that a line holds; None if it is none of this job's, which `odd` then counts.

    Args:
        form: the provider's.
        text: the line.
        key: the job's.
        requests: how many the job has.
        odd: counted up.
    """
    if not text.strip():
        return None
    try:
        told = form.result(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        odd.unreadable += 1
        return None
    number = number_of(told.custom_id, key)
    if number is None or number >= requests:
        odd.unknown += 1
        return None
    return ResultLine(number, told.status, told.body, told.code, told.request_id)


@dataclass
class Contents:
    """What the result files of a job hold, found by a first pass over them; a second one reads the answers.

    `contradicted`: requests with two results that differ. `answered`: requests with a usable status.
    """

    seen: dict[int, bytes] = field(default_factory=dict)
    contradicted: set[int] = field(default_factory=set)
    answered: int = 0
    odd: Oddities = field(default_factory=Oddities)

    def note(self, line: ResultLine) -> None:
        digest = line.digest
        if line.number not in self.seen:
            self.seen[line.number] = digest
            self.answered += line.answered
        elif self.seen[line.number] != digest:
            self.contradicted.add(line.number)

    def missing(self, requests: int) -> list[int]:
        """Requests without a result."""
        return [number for number in range(requests) if number not in self.seen]


def contents_of(form: LineForm, lines: Iterable[bytes], key: str, requests: int) -> Contents:
    """The first pass."""
    found = Contents()
    for text in lines:
        line = read_result(form, text, key, requests, found.odd)
        if line is not None:
            found.note(line)
    return found


def results_of(
    form: LineForm, lines: Iterable[bytes], key: str, requests: int, found: Contents
) -> Iterator[ResultLine]:
    """The second pass: each request's result once, and none of a contradicted one."""
    left = dict.fromkeys(found.seen.keys() - found.contradicted)
    for text in lines:
        line = read_result(form, text, key, requests, Oddities())
        if line is not None and line.number in left:
            del left[line.number]
            yield line


def metadata_of(key: str, digest: str, root: str) -> Mapping[str, str]:
    """What a job is made with, so that it is found again when nobody heard its id, or when all else is forgotten.

    `root`: names the tables that it is for.
    """
    return {"summarizer_key": key, "summarizer_digest": digest, "summarizer_root": root}


def is_made_with(metadata: object, key: str) -> bool:
    return isinstance(metadata, Mapping) and metadata.get("summarizer_key") == key


def key_of(metadata: object, root: str) -> str | None:
    """The key of a job that was made for these tables; None: it was not."""
    if not isinstance(metadata, Mapping) or metadata.get("summarizer_root") != root:
        return None
    key = metadata.get("summarizer_key")
    return key if isinstance(key, str) and re.fullmatch(rf"[0-9a-f]{{{KEY_CHARACTERS}}}", key) else None
