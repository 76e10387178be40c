"""What a feature may be: the methods of `Feature` that it overrides, and nothing else.

A feature is a folder in `gateway/features/` and a line in `FEATURES`. It imports from
`gateway.core` and from the features that it needs. `docs/architecture.md` has the stages that it
attaches to.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from gateway.core.gateway import Gateway
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.options import OptionReader
from gateway.core.profile.draft import Draft
from gateway.core.profile.entry_types import Entry
from gateway.core.settings.model import Reloadable, Strict


class Feature:
    name: ClassVar[str]
    """That of its folder."""
    needs: ClassVar[tuple[type["Feature"], ...]] = ()
    """The features whose public names it uses."""
    extends: ClassVar[Mapping[type["Feature"], Any]] = {}
    """What it adds to features that it needs, by feature. Of which type, that feature says."""
    tables: ClassVar[type[Entry] | None] = None
    """Its tables of the profile: a model with a field for each."""

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict] | None:
        """Its section of the settings: a model with a field for each. `added` is what those who
        extend it add.
        """
        return None

    @staticmethod
    def compile(draft: Draft) -> None:
        """Add aspects to the methods of a catalog that is being built, after the features that it
        needs. Without I/O: called in any thread, and in other processes.
        """

    def __init__(self, gateway: Gateway) -> None:
        """At startup, in the order of `FEATURES`. Raises ConfigurationError."""
        self.gateway = gateway

    def interceptors(self) -> Iterable[Interceptor]:
        """What crosses all requests, in this place of the order."""
        return ()

    def options(self) -> Iterable[OptionReader]:
        """What it reads of query strings, before the features that it needs read theirs."""
        return ()

    def exchanges(self) -> Iterable[Exchange]:
        """Ways of asking for a call. Called when the parts of the core are there."""
        return ()

    def reloadables(self) -> Iterable[Reloadable]:
        """What SIGHUP reads again."""
        return ()

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        """Its metrics: values by name and labels."""
        return {}
