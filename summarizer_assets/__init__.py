"""LLM-written summaries of every author of a Delta table, as Dagster assets.

For a Dagster project of any kind: `SummariesComponent` for its `defs.yaml`, `build_defs` and `Settings` for its Python.
They are loaded when they are asked for, so that a command of this package imports only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from summarizer_assets.component import SummariesComponent
    from summarizer_assets.definitions import build_defs
    from summarizer_assets.settings import Settings

__all__ = ["Settings", "SummariesComponent", "build_defs"]

_MODULES = {"Settings": "settings", "SummariesComponent": "component", "build_defs": "definitions"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of whatever kind it is
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
