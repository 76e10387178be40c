"""OpenCue's documents, by the profile."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.interfaces import Derived
from gateway.core.profile.documents import Documents
from gateway.core.profile.schema_paths import NotApplicable, entry, needed_method
from gateway.core.schema.catalog import NATIVE
from gateway.core.schema.method import Method
from gateway.features.reference.documented_methods import with_documented_methods
from gateway.features.reference.profile import ReferenceTables
from gateway.features.reference.resolve import Resolver, answer_aliases


class OpencueDocuments(Documents):
    __slots__ = ()

    @property
    def _tables(self) -> ReferenceTables:
        return self.profile.tables(ReferenceTables)

    def with_methods(
        self, files: Sequence[FileDescriptorProto]
    ) -> tuple[tuple[FileDescriptorProto, ...], frozenset[str]]:
        return with_documented_methods(files, self._tables.instead)

    def answers(self, pool: DescriptorPool) -> dict[str, dict[str, Derived]]:
        return answer_aliases(self._tables, pool, self.unused)

    @property
    def method_names(self) -> Mapping[str, str]:
        return self._tables.methods

    def missing(self, declared: Collection[str]) -> dict[str, str]:
        services = {name.partition("/")[0] for name in declared}
        found = {}
        for name, text in self._tables.missing.items():
            service, _, _ = name.partition("/")
            with entry(f"missing.{name}", self.unused):
                if service not in services:
                    raise NotApplicable(f"there is no service {service}")
                if name in declared:
                    raise NotApplicable(NATIVE)
                found[name] = text
        return found

    def adapted(
        self, methods: Mapping[str, Method], added: Collection[str]
    ) -> Mapping[str, Iterable[object]]:
        return Resolver(self._tables, methods, added, self.unused).adapted()

    def method_aliases(
        self, methods: Mapping[str, Method], declared: Collection[str]
    ) -> dict[str, str]:
        found = {}
        for alias, name in self._tables.methods.items():
            with entry(f"methods.{alias}", self.unused):
                if alias in declared:
                    raise NotApplicable(NATIVE)
                needed_method(methods, name)
                found[alias] = name
        return found
