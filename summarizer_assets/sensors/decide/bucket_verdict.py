"""A sensor's verdict on a bucket: why it is run or not. The values are shown in the ticks."""

from enum import StrEnum


class Verdict(StrEnum):
    RUN = "run"
    DONE = "nothing to do"
    NOT_ASKED_FOR = "never materialised: waits for a person or a backfill"
    IN_FLIGHT = "a run is on its way"
    CANCELLED = "cancelled by a person: left alone until materialised again"
    PARKED = "parked: three runs in a row made no progress; look at the last run, then materialise it by hand"
    WAITING = "a batch job is under way"
    NOT_DUE = "failures wait for their time"
    OUTAGE = "the provider refused the last run: a single probe is sent first"
    UNUSABLE = (
        "left alone: the model gave nothing usable; change the model, the prompt or a setting of the requests, or "
        "materialise it by hand"
    )
    UNUSABLE_ELSEWHERE = "wait: the model gave nothing usable in the last run; another bucket is tried first, or none"
    BUDGET = "wait for money: SUMMARIZER_BUDGET_USD is used up; no run is tried until it is raised"
    NEXT_TICK = "waits for the next tick"
    QUEUE_FULL = "waits: enough runs are queued already"
    LIMIT = "wait: SUMMARIZER_LIMIT is used up, a pilot asks for nobody else"
