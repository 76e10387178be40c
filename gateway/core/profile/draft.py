"""A catalog while it is built, as the features see it that compile their aspects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.interfaces import Derived
from gateway.core.profile.profile import Profile, Tables
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.description import Schema
from gateway.core.schema.method import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    schema: Schema
    profile: Profile
    pool: DescriptorPool
    aliases: Mapping[str, Mapping[str, Derived]]
    """Documented names of fields in answers, by full name of their message."""
    native: Mapping[str, Method]
    """By `service/Method`: the methods as Cuebot has them, which other methods call."""
    methods: Mapping[str, Method]
    """By `service/Method`: those that are served, with what the profile does with their calls."""
    unused: list[UnusedEntry]
    """Entries of the profile that do nothing, to which those who compile add theirs."""
    whole: dict[type, Any] = field(default_factory=dict)
    """Aspects of the whole catalog, by type."""
    aspects: Mapping[str, dict[type, Any]]
    """By `service/Method`: the aspects so far of methods as Cuebot has them."""
    of_adapted: Mapping[str, dict[type, Any]]
    """By `service/Method`: those of `methods`, with what is done for documented calls."""

    def tables(self, kind: type[Tables]) -> Tables:
        """The profile's tables of a feature; empty ones for a profile without any."""
        return self.profile.tables(kind)

    def add(self, name: str, aspect: object) -> None:
        """An aspect of a method, also where other methods call it."""
        self.aspects[name][type(aspect)] = aspect
        if name in self.of_adapted:
            self.of_adapted[name][type(aspect)] = aspect


Compile = Callable[[Draft], None]
"""What a feature does when a catalog is built. Without I/O, in any thread or process."""
