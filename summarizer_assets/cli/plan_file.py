"""A plan of faults as a file on the command line."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from summarizer_assets.rehearsal.plan import Plan


class _PlanFile(click.ParamType[Plan]):
    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Plan:  # noqa: ANN401 - click's
        try:
            return msgspec.json.decode(Path(value).read_bytes(), type=Plan)
        except (OSError, msgspec.DecodeError) as error:
            self.fail(f"{value}: {error}", param, ctx)


PLAN_FILE: Final = _PlanFile()
