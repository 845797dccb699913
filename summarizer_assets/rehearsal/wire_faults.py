"""Connection faults: which bytes of a correct answer are sent, when, and how the connection ends. Need a socket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from summarizer_assets.rehearsal.http_head import head_of
from summarizer_assets.rehearsal.status_faults import Answer

HUGE = 1_000_000_000  # bytes
_CHUNK = bytes(1 << 20)
_MOMENT_S = 0.05  # lets sent bytes arrive before the connection breaks


class End(Enum):
    """How a script ends; without one of these, the connection stays open."""

    CLOSE = auto()  # an orderly end (FIN)
    RESET = auto()  # the connection breaks (RST)
    HOLD = auto()  # send nothing more until the client disconnects
    CLOSE_AT_NEXT = auto()  # break the connection when the next request arrives


#: Bytes to send, seconds to wait, or the end of the script.
Step = bytes | float | End


@dataclass(frozen=True, slots=True)
class Script:
    """What is done with a correct answer.

    Attributes:
        steps: returns the steps for an answer and the rule's `seconds`.
        head: whether the client receives a status.
        whole: whether the client receives the whole answer if it waits for it.
    """

    steps: Callable[[Answer, float], Iterator[Step]]
    head: bool = True
    whole: bool = False


def _nothing(end: End) -> Callable[[Answer, float], Iterator[Step]]:
    def steps(_: Answer, __: float) -> Iterator[Step]:
        yield end

    return steps


def _half_of_the_body(end: End) -> Callable[[Answer, float], Iterator[Step]]:
    def steps(answer: Answer, _: float) -> Iterator[Step]:
        yield head_of(answer) + answer.body[: len(answer.body) // 2]
        yield _MOMENT_S
        yield end

    return steps


def _half_of_the_head(answer: Answer, _: float) -> Iterator[Step]:
    head = head_of(answer)
    yield head[: len(head) // 2]
    yield _MOMENT_S
    yield End.RESET


def _after_the_head(answer: Answer, _: float) -> Iterator[Step]:
    yield head_of(answer)
    yield _MOMENT_S
    yield End.RESET


def _byte_by_byte(answer: Answer, seconds: float) -> Iterator[Step]:
    for byte in head_of(answer) + answer.body:
        yield bytes((byte,))
        yield seconds


def _more_than_announced(answer: Answer, _: float) -> Iterator[Step]:
    stray = Answer(200, b'{"choices":[]}', {"x-request-id": "stray"})
    yield head_of(answer) + answer.body + head_of(stray) + stray.body


def _announced_too_short(answer: Answer, _: float) -> Iterator[Step]:
    yield head_of(answer, length=len(answer.body) // 2) + answer.body


def _huge(answer: Answer, _: float) -> Iterator[Step]:
    yield head_of(answer, length=HUGE)
    left = HUGE
    while left > 0:
        yield _CHUNK[:left]
        left -= len(_CHUNK)


def _huge_in_chunks(answer: Answer, _: float) -> Iterator[Step]:
    yield head_of(answer, chunked=True)
    for _number in range(HUGE // len(_CHUNK) + 1):
        yield b"%x\r\n" % len(_CHUNK) + _CHUNK + b"\r\n"
    yield b"0\r\n\r\n"


def _chunks_cut(answer: Answer, _: float) -> Iterator[Step]:
    half = answer.body[: len(answer.body) // 2]
    yield head_of(answer, chunked=True) + b"%x\r\n" % len(half) + half + b"\r\n"
    yield _MOMENT_S
    yield End.CLOSE


def _no_http(_: Answer, __: float) -> Iterator[Step]:
    yield b"\x00\xffSSH-2.0-nothing you know\r\n\r\n"
    yield _MOMENT_S
    yield End.CLOSE


def _no_headers(answer: Answer, _: float) -> Iterator[Step]:
    yield b"HTTP/1.1 200 OK\r\n\r\n" + answer.body
    yield _MOMENT_S
    yield End.CLOSE


def _huge_head(answer: Answer, _: float) -> Iterator[Step]:
    start, _blank, rest = head_of(answer).partition(b"\r\n")
    yield start + b"\r\n" + b"x-padding: " + b"a" * len(_CHUNK) + b"\r\n" + rest + answer.body


def _then_gone(answer: Answer, _: float) -> Iterator[Step]:
    yield head_of(answer) + answer.body
    yield End.CLOSE_AT_NEXT


#: Never answers; ends when the client disconnects.
STALL = "stall"

SCRIPTS: dict[str, Script] = {
    STALL: Script(_nothing(End.HOLD), head=False),
    "stall_in_body": Script(_half_of_the_body(End.HOLD)),
    "slow_loris": Script(_byte_by_byte, whole=True),
    "reset": Script(_nothing(End.RESET), head=False),
    "reset_in_head": Script(_half_of_the_head, head=False),
    "reset_after_head": Script(_after_the_head),
    "reset_in_body": Script(_half_of_the_body(End.RESET)),
    "close": Script(_nothing(End.CLOSE), head=False),
    "close_kept_alive": Script(_then_gone, whole=True),
    "short_body": Script(_half_of_the_body(End.CLOSE)),
    "long_body": Script(_more_than_announced, whole=True),
    "length_too_small": Script(_announced_too_short),
    "huge_body": Script(_huge),
    "huge_body_in_chunks": Script(_huge_in_chunks),
    "chunks_cut": Script(_chunks_cut),
    "no_http": Script(_no_http, head=False),
    "no_headers": Script(_no_headers, whole=True),
    "huge_head": Script(_huge_head, head=False),
}
