"""Reads the imports of the package and holds the house's rules; nothing here runs the package but its import."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import summarizer_assets

PACKAGE = Path(summarizer_assets.__file__).parent
NAME = "summarizer_assets"
LONGEST = 330  # lines

#: From the inside out. What stands on one line stands side by side: neither imports the other.
LAYERS = [
    {"core", "charts", "endpoint", "tables_root"},
    {"sources", "llm", "storage", "sample", "interrupts"},
    {"settings"},
    {"bucket_run", "ingest"},
    {"fact_metadata", "pricing", "provider", "user_errors"},
    {"asked_model", "partitions", "plain_failures", "routes"},
    {"io_manager", "second_route"},
    {"installation"},
    {"names"},
    {"estimate", "settings_page"},
    {"calibration", "capacity"},
    {"quality", "report"},
    {"assets"},
    {"jobs", "sensors", "checks", "run_history"},
    {"overview", "schedules"},
    {"definitions"},
    {"component", "demo", "rebuild_status", "rehearsal", "ui", "undo_ingest"},
    {"cli"},
    {"__main__"},
]
#: As free of the world as `core`, but about one part of the house only: they stand where that part stands.
PURE_ELSEWHERE = {
    "calibration.comparison",
    "capacity.fleet",
    "capacity.footprint",
    "overview.facts",
    "overview.next_command",
    "report.choice",
    "report.next_steps",
    "report.statistics",
}
LEVEL = {unit: level for level, layer in enumerate(LAYERS) for unit in layer}

OF_DAGSTER = {
    "plain_failures",
    "fact_metadata",
    "io_manager",
    "partitions",
    "installation",
    "names",
    "assets",
    "checks",
    "jobs",
    "sensors",
    "run_history",
    "schedules",
    "settings_page",
    "definitions",
    "component",
    "demo",
    "rebuild_status",
    "rehearsal",
    "ui",
    "cli",
}
OF_SETTINGS = {
    "",  # the package itself: it hands `Settings` to other projects
    "pricing",
    "provider",
    "asked_model",
    "routes",
    "second_route",
    "installation",
    "estimate",
    "calibration",
    "capacity",
    "report",
    "component",
    "definitions",
    "demo",
    "rebuild_status",
    "rehearsal",
    "settings_page",
    "ui",
    "cli",
}
OF_ENVIRONMENT = {
    "settings": "the one reader",
    "settings.environment": "what a command sets for the processes that it starts",
    "llm.http.transport": "HTTPS_PROXY and NO_PROXY belong to the host's network; the standard library reads them",
    "sources.stores": "the same, for the one engine that does not look for them itself",
}
PURE_NEVER = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module(path: Path) -> str:
    """`storage.delta.table` for summarizer_assets/storage/delta/table.py; a package is its own name."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__").replace("__init__", "")


def is_pure(name: str) -> bool:
    return unit(name) == "core" or name.startswith(("sensors.decide", "llm.protocols")) or name in PURE_ELSEWHERE


def unit(name: str) -> str:
    return name.partition(".")[0]


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that is imported anywhere in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    return {unit(name.removeprefix(f"{NAME}.")) for name in imports(path) if name.startswith(f"{NAME}.")}


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def in_every_module(check: Callable[[Path], None]) -> Callable[[], None]:
    """One test over all files: a failure shows the `path` at which it stopped."""

    def test() -> None:
        for path in FILES:
            check(path)

    test.__name__ = check.__name__
    return test


def test_every_module_has_its_place_in_the_house() -> None:
    assert {unit(module(path)) for path in FILES} - {""} == LEVEL.keys()


def test_the_page_for_contributors_shows_the_folders_in_the_order_in_which_they_may_import() -> None:
    page = (PACKAGE.parent / "docs" / "contributing.md").read_text(encoding="utf-8")
    rows = page.partition("| folder of `summarizer_assets` |")[2].partition("\n\n")[0].splitlines()[2:]
    shown = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in rows]
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {name for row in shown for name in row} == folders
    levels = [{LEVEL[name] for name in row} for row in shown]
    assert all(len(level) == 1 for level in levels), "what stands in one line stands side by side"
    assert sorted(levels, key=min) == levels


@in_every_module
def test_imports_run_one_way(path: Path) -> None:
    me = unit(module(path))
    wrong = {other for other in ours(path) if other != me and me and LEVEL[other] >= LEVEL[me]}
    assert not wrong, f"{module(path)} must not import {wrong}"


@in_every_module
def test_nothing_of_the_package_imports_what_stands_around_it(path: Path) -> None:
    around = {"benchmarks", "deploy", "interop", "summarizer_assets_tests", "testing", "tools"}
    assert not top_level(path) & around


@in_every_module
def test_what_is_pure_knows_only_the_standard_library_polars_and_msgspec_and_nothing_of_the_world(path: Path) -> None:
    if not is_pure(module(path)):
        return
    names = top_level(path) - {NAME}
    assert names - set(sys.stdlib_module_names) <= {"polars", "msgspec"}
    assert not names & PURE_NEVER
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            clock_or_file = {"open", "now", "utcnow", "today", "scan_parquet", "read_parquet", "write_parquet", "print"}
            assert called not in clock_or_file, f"line {node.lineno}"


@in_every_module
def test_only_the_outer_layers_know_dagster_and_three_modules_its_private_names(path: Path) -> None:
    names = set(imports(path))
    if any(name.startswith("dagster") for name in names):
        assert unit(module(path)) in OF_DAGSTER
    if any(part.startswith("_") for name in names if name.startswith("dagster") for part in name.split(".")):
        assert module(path) in ("io_manager", "ui.dev", "cli.dagster_home")


@in_every_module
def test_settings_reach_the_inner_modules_only_as_plain_values(path: Path) -> None:
    names = {name for name in imports(path) if name.startswith(f"{NAME}.settings")}
    if any(not name.startswith((f"{NAME}.settings.errors", f"{NAME}.settings_page")) for name in names):
        assert unit(module(path)) in OF_SETTINGS | {"settings"}


@in_every_module
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    readers = {"environ", "environb", "getenv", "getenvb", "putenv", "expandvars", "getproxies", "load_dotenv"}
    used = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    used |= {name.rpartition(".")[2] for name in imports(path)}
    trusting = any(
        isinstance(node, ast.keyword)
        and node.arg == "trust_env"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
        for node in ast.walk(tree(path))
    )
    assert bool(used & readers or trusting) == (module(path) in OF_ENVIRONMENT)


@in_every_module
def test_assets_keep_their_annotations_as_objects_for_dagster_reads_them(path: Path) -> None:
    if unit(module(path)) in {"assets", "sensors", "jobs", "definitions"}:
        assert "__future__.annotations" not in set(imports(path))


@in_every_module
def test_no_module_is_longer_than_one_can_keep_in_mind(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@in_every_module
def test_every_module_says_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "no docstring"


@in_every_module
def test_no_exception_is_caught_without_a_name_or_swallowed(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
            if caught & {"Exception", "BaseException"}:
                told = any(
                    isinstance(inner, ast.Raise)
                    or (
                        isinstance(inner, ast.Assign) and getattr(inner.value, "id", "") == node.name
                    )  # for a thread's join
                    for inner in ast.walk(node)
                )
                assert told, f"line {node.lineno}: catches everything and neither raises nor keeps it"


def test_importing_a_module_makes_no_file_and_starts_no_thread(tmp_path: Path) -> None:
    names = [f"{NAME}.{module(path)}" for path in FILES if module(path)]
    program = (
        "import importlib, pathlib, sys, threading\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert threading.active_count() == 1, name\n"
        "    assert not list(pathlib.Path.cwd().iterdir()), name\n"
    )
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    root = str(PACKAGE.parent)
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    subprocess.run(
        [sys.executable, "-B", "-c", program, *names],
        cwd=tmp_path,
        check=True,
        timeout=120,
        env={**inherited, "PYTHONPATH": os.pathsep.join([root, inherited.get("PYTHONPATH", "")]), **places},
    )
