"""A Dagster project in a folder, as `create-dagster project` makes it, loaded into this process."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

_CONFIG = '[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "{name}"\n'


def empty_project(folder: Path, name: str = "elsewhere") -> Path:
    """Make one in `folder`; return the folder of its definitions."""
    defs = folder / "src" / name / "defs"
    defs.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_CONFIG.format(name=name), encoding="utf-8")
    for package in (defs, defs.parent):
        (package / "__init__.py").touch()
    return defs


@contextmanager
def loaded(project: Path, name: str = "elsewhere") -> Iterator[dg.Definitions]:
    """All definitions of the project. Its modules are forgotten afterwards, so that another of the same name can be."""
    source = str(project / "src")
    sys.path.insert(0, source)
    importlib.invalidate_caches()
    try:
        yield dg.load_from_defs_folder(path_within_project=project / "src" / name)
    finally:
        sys.path.remove(source)
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            del sys.modules[module]
