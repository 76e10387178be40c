"""Rights that depend on objects: the keys `only`, `see` and `always` of access rules."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, ClassVar

from gateway.core.families import counter
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.profile.draft import Draft
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.core.settings.model import Settings
from gateway.feature import Description, Feature
from gateway.features.access.feature import Access
from gateway.features.access.rights import AccessRules, AddedKeys
from gateway.features.names.feature import Names
from gateway.features.object_rights.compile import compile_objects
from gateway.features.object_rights.conditions import FACTS
from gateway.features.object_rights.document import describe_objects
from gateway.features.object_rights.interceptor import ObjectControl
from gateway.features.object_rights.known_facts import known_facts
from gateway.features.object_rights.profile import ObjectTables
from gateway.features.object_rights.restriction import never_allowed, read_conditions
from gateway.features.object_rights.settings import ObjectKeys
from gateway.features.object_rights.state import add_facts_of_change, add_facts_of_denial
from gateway.features.views.feature import Views


class ObjectRights(Feature):
    name = "object_rights"
    families = (
        counter(
            "access_lookups_total",
            "Objects whose show or user a rule of access depended on.",
            ("outcome",),
        ),
    )
    needs = (Access, Names, Views)
    extends: ClassVar[Mapping[type[Feature], Any]] = {
        Access: AddedKeys(ObjectKeys, read_conditions, FACTS, known_facts)
    }
    tables = ObjectTables
    openapi = "openapi.yaml"
    headers = HeaderNames(reported=("X-Filtered",))

    @classmethod
    def check_catalog(
        cls, settings: Settings, composition: Composition, catalog: Catalog, found: Findings
    ) -> None:
        for rule in AccessRules(settings, composition.extensions(Access)):
            found.warnings += never_allowed(rule, catalog)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._control = ObjectControl(gateway.live)
        gateway.log_fields.changed_objects.append(add_facts_of_change)
        gateway.log_fields.denied_objects.append(add_facts_of_denial)

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_objects(draft)

    @staticmethod
    def describe(method: Method, listed: Container[str]) -> Description:
        return describe_objects(method)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        """How often Cuebot was asked about objects, by outcome."""
        lookups = self._control.lookups.items()
        return {("access_lookups_total", outcome): count for outcome, count in lookups}

    def interceptors(self) -> Iterable[Interceptor]:
        return (self._control,)
