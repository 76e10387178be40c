"""What documents have and Cuebot has otherwise, or not at all: the place of a feature's."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.interfaces import Derived
from gateway.core.profile.profile import Profile
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.method import Method


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents that have what Cuebot has. Subclasses know others."""

    profile: Profile
    unused: list[UnusedEntry]
    """Where entries that do nothing are added."""

    def with_methods(
        self, files: Sequence[FileDescriptorProto]
    ) -> tuple[tuple[FileDescriptorProto, ...], frozenset[str]]:
        """The files with the methods that only documents have, and the names of those."""
        return tuple(files), frozenset()

    def answers(self, pool: DescriptorPool) -> dict[str, dict[str, Derived]]:
        """By full name of a message: documented name to native field or fields."""
        return {}

    @property
    def method_names(self) -> Mapping[str, str]:
        """Documented name to native method, for any schema."""
        return {}

    def missing(self, declared: Collection[str]) -> dict[str, str]:
        """Hints by name, for methods that a service has only in documents."""
        return {}

    def adapted(
        self, methods: Mapping[str, Method], added: Collection[str]
    ) -> Mapping[str, Iterable[object]]:
        """By `service/Method`, for those that are served: aspects with what is done for documented
        calls, which they do not have where other methods call them. `added` are the names of
        methods that only documents have.
        """
        return dict.fromkeys(methods, ())

    def method_aliases(
        self, methods: Mapping[str, Method], declared: Collection[str]
    ) -> dict[str, str]:
        """Documented name to served method."""
        return {}
