"""What `cuebot-gateway check` finds, before anything is served."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.errors import ConfigurationError


class Told(NamedTuple):
    """A line of the report: a label with its text, and items below it."""

    label: str
    text: str
    items: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Findings:
    """The problems and warnings of a report; a problem makes the check fail."""

    settings_wrong: bool = False
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """Members of the report as JSON, of features."""
    told: list[Told] = field(default_factory=list)
    """Lines of the report as text, of features."""

    @contextmanager
    def settings(self) -> Iterator[None]:
        """A context that ends with wrong settings, which become problems."""
        try:
            yield
        except ConfigurationError as error:
            self.settings_wrong = True
            self.problems += error.problems

    def tell(self, label: str, text: str, items: Iterable[str] = ()) -> None:
        self.told.append(Told(label, text, tuple(items)))
