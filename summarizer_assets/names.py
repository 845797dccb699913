"""What one instance of the definitions calls its assets, jobs, sensors, schedules and resources in Dagster.

In a Dagster project of its own it uses the plain names. In another's it has a prefix, so that nothing of that project,
and no second instance, has the same name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.errors import SettingsError

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Names:
    """The names of one instance.

    Attributes:
        prefix: empty for the plain names.
        keys: asset keys that the project chose itself, by plain name.

    Raises:
        SettingsError: the prefix cannot be part of a name in Dagster.
    """

    prefix: str = ""
    keys: Mapping[str, dg.AssetKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prefix and not _PREFIX.fullmatch(self.prefix):
            raise SettingsError(
                f"prefix {self.prefix!r}: it becomes part of names in Dagster; allowed: letters, digits and "
                "underscores, a letter first, as in `people`"
            )

    def asset(self, name: str) -> dg.AssetKey:
        return self.keys.get(name) or dg.AssetKey([self.prefix, name] if self.prefix else [name])

    def plain(self, key: dg.AssetKey) -> str:
        """The plain name of one of our assets."""
        return next((name for name, chosen in self.keys.items() if chosen == key), key.path[-1])

    def op(self, name: str) -> str:
        """The op of an asset, under which its configuration stands in a run's configuration."""
        return self.asset(name).to_python_identifier()

    def of(self, name: str) -> str:
        """A job, a sensor, a schedule, a resource, a group, or an op that makes no asset."""
        return f"{self.prefix}_{name}" if self.prefix else name

    @property
    def summarizer(self) -> str:
        """The key of the resource that holds the installation."""
        return self.of("summarizer")

    @property
    def io_manager(self) -> str:
        return self.of("delta")

    @property
    def pool(self) -> str | None:
        """The pool of the runs that ask the provider; None without a prefix."""
        return self.prefix or None

    def summarizer_of(self, context: Any) -> Summarizer:  # noqa: ANN401 - assets, checks and sensors have one each
        """The installation, in a function that requires the resource `summarizer`.

        A sensor that is called as a function gets it as an argument, too, and leaves that aside (`**_`).
        """
        found: Summarizer = getattr(context.resources, self.summarizer)
        return found


#: The names in a Dagster project of its own.
PLAIN = Names()
