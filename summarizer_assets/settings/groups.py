"""The groups of settings, and types that several of their modules share."""

from functools import partial
from typing import Annotated

from pydantic import Field

#: A setting's group, part of its description: what everybody decides, what a page or an error names when it is needed,
#: and what nobody should touch.
to_know, sometimes, never = (
    partial(Field, json_schema_extra={"group": group}) for group in ("to know", "sometimes", "never")
)
Dollars = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
