"""Every script of benchmarks/, tools/ and deploy/: what it answers before it does anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

#: Runs a script as its own command line does, under a hook that ends the process at whatever could touch the machine.
GUARDED = """
import runpy, sys

told = sys.argv[1:]
package, name = told[0], told[1]
sys.argv = [name, *told[2:]]
TOUCHING = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.mkdir", "os.remove",
    "os.rename", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate", "os.kill", "shutil.rmtree",
    "socket.bind", "socket.connect", "signal.pthread_kill", "tempfile.mkdtemp", "tempfile.mkstemp",
}

def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in TOUCHING or writes:
        import os
        sys.__stderr__.write(f"TOUCHED: {event} {arguments}\\n")
        sys.__stderr__.flush()
        os._exit(99)

sys.addaudithook(hook)
status = 0
try:
    if package == "module":
        sys.path.insert(0, "")
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, name.rpartition("/")[0])
        runpy.run_path(name, run_name="__main__")
except SystemExit as end:
    status = end.code or 0
loaded = {module.partition(".")[0] for module in sys.modules} - set(sys.stdlib_module_names)
print("LOADED", *sorted(loaded))
sys.exit(status)
"""


def is_script(path: Path) -> bool:
    return path.name == "__main__.py" or '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")


SCRIPTS = sorted(
    str(path.relative_to(PROJECT))
    for folder in ("benchmarks", "tools", "deploy")
    for path in (PROJECT / folder).rglob("*.py")
    if is_script(path)
)


#: What is loaded anyhow: by an interpreter of this environment, and our own light modules (dotenv is one file of text).
LIGHT = {"benchmarks", "deploy", "dotenv", "__mp_main__"} | set(
    subprocess.run(
        [sys.executable, "-c", "import sys; print(*{module.partition('.')[0] for module in sys.modules})"],
        text=True,
        capture_output=True,
        check=True,
    ).stdout.split()
)


def as_started(script: str) -> list[str]:
    """Those of a package are modules, as their pages start them."""
    if script.startswith(("benchmarks/", "deploy/celery/")):
        return ["module", script.removesuffix(".py").removesuffix("/__main__").replace("/", ".")]
    return ["path", str(PROJECT / script)]


def run_script(script: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """What it said, and the packages it imported that are not Python's own."""
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, *as_started(script), *arguments],
        cwd=PROJECT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    *_, last = done.stdout.splitlines() or [""]
    assert last.startswith("LOADED"), f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done, set(last.split()[1:])


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_all_that_is_given_to_who_asks_for_it(script: str) -> None:
    done, loaded = run_script(script, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    assert Path(script).stem in done.stdout or "deploy.celery" in done.stdout
    assert loaded <= LIGHT, "--help waits for imports that only the work needs"


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_argument_that_nobody_knows_is_a_mistake_and_nothing_else(script: str) -> None:
    done, loaded = run_script(script, "--no-such-argument")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("usage: ")
    assert loaded <= LIGHT
