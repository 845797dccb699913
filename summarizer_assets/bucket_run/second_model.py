"""The second model: asks once more about the authors whom the first one failed in a run, after it has ended.

It is another model, perhaps of another provider, with its own client, pace, price and quality breaker; budget, checks,
journal and tables are the run's. An author whom it answers has a summary under its name; one whom it fails, too, keeps
the first model's failure, with both reasons. If it cannot be asked, the failures stand as if there were none, except
that a later run tries again.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from summarizer_assets.bucket_run.journal_records import RecordBuilder
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.bucket_run.route import Route, RouteProgress, RouteTotals, SecondTotals
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.authors.remedies import OUTSIDE
from summarizer_assets.core.outcome import Answer, Failed, Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.errors import StopCause

#: Stops of the second model that are those of the run; of all others the run only tells.
_OF_THE_RUN: Final = frozenset({str(StopCause.BUDGET)})
#: What follows when the second model brings nothing usable, for a person.
SECOND_BRAKED: Final = (
    "Whom it was asked about have failed with both models: choose another second model, then re-drive them "
    "(docs/second-model.md)"
)


class SecondOutcomes:
    """A `Sink` for the second model's results.

    Args:
        work: of the run, with the second model's facts.
    """

    def __init__(self, work: Work) -> None:
        self.answers = self.failures = 0
        self._outcomes: Outcomes = work.outcomes
        self._builder = RecordBuilder(work.todo, work.facts)
        self._model = work.facts.identity.model

    def answered(self, answer: Answer) -> None:
        self._outcomes.take(self._builder.answers(answer), answer.positions)
        self.answers += len(answer.positions)

    def failed(self, failures: Sequence[Failed]) -> None:
        """Who got no answer at all is as if not asked, and is asked again."""
        told = [failure for failure in failures if failure.reason not in OUTSIDE]
        self._outcomes.failed_too(told, self._model)
        self.failures += len(told)

    def forgiven(self, failures: Sequence[Failed]) -> None:
        """The second model brings nothing usable: they stay failed, for the first failed them, too."""


class ThenSecond:
    """A `Route`: `first`, and then the second model.

    Args:
        first: the route of the first model.
        work: the run's.
        model: the second model's name.
        second: makes the route of the second model for the authors at these positions, and where its results go.
        reworded: a message about settings of the first model, as one about those of the second.
    """

    def __init__(
        self,
        first: Route,
        work: Work,
        model: str,
        second: Callable[[Sequence[int]], tuple[Route, SecondOutcomes]],
        reworded: Callable[[str], str],
    ) -> None:
        self._first = first
        self._outcomes = work.outcomes
        self._model = model
        self._make = second
        self._reworded = reworded
        self._second: Route | None = None
        self._sink: SecondOutcomes | None = None
        self._asked = 0
        self._told: Stop | None = None
        self._stop: Stop | None = None
        self._why: str | None = None  # the second model was not asked about all
        self._notices: list[str] = []
        self._error: BaseException | None = None
        self._lock = threading.Lock()  # around the change from the one to the other
        self._thread = threading.Thread(target=self._run, name="asker: second model", daemon=True)
        self._outcomes.await_another()

    def start(self) -> None:
        self._first.start()
        self._thread.start()

    def stop(self, why: Stop | None) -> None:
        with self._lock:
            self._told = self._told or why or Stop("terminated", "the run was ended")
            active = self._second or self._first
        active.stop(why)
        if why is None and self._thread.ident is not None:
            self._thread.join()

    def join(self) -> Stop | None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._stop

    def committed(self) -> None:
        self._first.committed()

    def progress(self) -> RouteProgress:
        first = self._first.progress()
        if self._second is None:
            return first
        second = self._second.progress()
        return RouteProgress(
            spent=None if first.spent is None or second.spent is None else first.spent + second.spent,
            waits=second.waits,
            notices=[*first.notices, *second.notices, *self._notices],
            changes=[*first.changes, *(f"{self._model}: {change}" for change in second.changes)],
        )

    def totals(self) -> RouteTotals:
        first = self._first.totals()
        if self._second is None or self._sink is None:
            return first
        second = self._second.totals()
        sent = first.sent + second.sent
        sent.notices += self._notices
        return replace(
            first,
            asked=first.asked + second.asked,
            sent=sent,
            spending=None if first.spending is None or second.spending is None else first.spending + second.spending,
            second=SecondTotals(self._model, self._asked, self._sink.answers, self._sink.failures, self._why),
        )

    def _run(self) -> None:
        try:
            self._stop = self._first.join()
            if self._stop is None or self._stop.cause == IN_BATCH:
                self._ask_second()
        except BaseException as error:  # noqa: BLE001 - raised again in `join`, in the step's thread
            self._error = error
        finally:
            self._outcomes.finish()

    def _ask_second(self) -> None:
        positions = self._outcomes.for_second()
        if not positions:
            return
        with self._lock:
            if self._told is not None:
                self._stop = self._told
                return
            second, sink = self._make(positions)
            self._outcomes.await_another()
            try:
                second.start()
            except BaseException:
                self._outcomes.finish()  # it does not
                raise
            self._asked, self._sink, self._second = len(positions), sink, second
        stop = second.join()
        if stop is None:
            return
        self._why = f"{stop.cause}: {self._reworded(stop.message)}"
        told = (
            f"the second model, {self._model}, could not be asked about all whom the first failed; they keep that "
            f"failure, and a later run asks both again ({self._why})"
        )
        self._notices.append(told)
        if self._told is not None or stop.cause in _OF_THE_RUN:
            self._stop = Stop(stop.cause, told)
