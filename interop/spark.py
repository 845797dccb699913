"""All that Spark does, in one process: reads our tables, runs our page's SQL, changes our tables, writes sources.

`python -m interop.spark` reads what to do as JSON and tells each thing done as a line of JSON. It is started in the
folder that holds `data`: addresses in docs/reading.md are relative, and Java stays where it was started.
"""

import contextlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from interop.cases import Case, Change
from interop.delta_cases import CHANGES, DELTA
from interop.file_cases import FILES
from interop.foreign_hands import HANDS
from interop.readers import answers
from interop.spark_session import started

FORMS = ("nested", "flat", "narrow")


def main() -> None:
    given = json.load(sys.stdin)
    session = started([Path(jar) for jar in given["jars"]], Path(given["home"]))
    tell(engine="spark", **{"is": f"{version_of('pyspark')} with Delta {given['delta']}"})
    frames = {form: session.read.parquet(f"{given['references']}/{form}.parquet") for form in FORMS}
    for form, frame in frames.items():
        frame.createOrReplaceTempView(form)
    for answer in answers(_reading(session), given["reads"]):
        tell(**answer)
    for code in given["snippets"]:
        tell(snippet=code, **_tried(lambda code=code: _run(session, code)))
    sources = Path(given["sources"])
    only = given["only"]
    for name, statements in HANDS.items():
        if only not in name:
            continue
        table = f"{given['hands']}/{name}/authors"
        tell(hand=name, **_tried(lambda table=table, statements=statements: _statements(session, statements, t=table)))
    for name, change in CHANGES.items():
        if only in name:
            tell(
                change=name,
                **_tried(
                    lambda change=change, path=str(sources / f"changed_{name}"): _change(
                        session, change, path, given["page"]
                    )
                ),
            )
    for case in (*DELTA, *FILES):
        if only not in case.name and case.name != "plain":
            continue
        tell(case=case.name, **_tried(lambda case=case: _write(session, frames, case, sources)))
    session.stop()


def tell(**told: Any) -> None:  # noqa: ANN401 - JSON
    print(json.dumps(told), flush=True)


def _tried(work: Callable[[], Mapping[str, Any] | None]) -> dict[str, Any]:
    began = time.monotonic()
    try:
        told = dict(work() or {})
    except Exception as error:  # noqa: BLE001 - whatever Spark raises is told, and fails the command
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
    return {**told, "seconds": round(time.monotonic() - began, 1)}


def _reading(session: SparkSession) -> Callable[[str, int], Sequence[Mapping[str, Any]]]:
    def read(uri: str, version: int) -> Sequence[Mapping[str, Any]]:
        frame = session.read.format("delta").option("versionAsOf", version).load(uri)
        return [row.asDict(recursive=True) for row in frame.collect()]

    return read


def _run(session: SparkSession, code: str) -> dict[str, Any]:
    """The code as it stands, which knows nothing but `spark`; what it printed, and the rows of the view it made."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/reading.md", "exec"), {"spark": session})
    return {"printed": printed.getvalue(), "view": session.sql("SELECT * FROM current_summaries").count()}


def _statements(session: SparkSession, statements: Sequence[str], **places: str) -> None:
    for statement in statements:
        for name, place in places.items():
            statement = statement.replace(f"{{{name}}}", f"delta.`{place}`")  # noqa: PLW2901 - step by step
        session.sql(statement)


def _write(session: SparkSession, frames: Mapping[str, DataFrame], case: Case, sources: Path) -> None:
    path = str(sources / case.name)
    with _set(session, case.settings):
        if callable(case.make):
            case.make(frames, path)
        else:
            statements = [statement.replace("{path}", path) for statement in case.make]
            _statements(
                session,
                statements,
                t=path,
                plain=str(sources / "plain"),
                mapped=str(sources / "vectors_mapped_by_name"),
            )


def _change(session: SparkSession, change: Change, path: str, page: str) -> None:
    """The table as it was first is kept beside it."""
    first = [statement.replace("{path}", path).replace("{page}", page) for statement in change.first]
    _statements(session, first, t=path)
    shutil.copytree(path, f"{path}.first")
    _statements(session, change.then, t=path)


@contextlib.contextmanager
def _set(session: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    for name, value in settings.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name in settings:
            session.conf.unset(name)


if __name__ == "__main__":
    main()
