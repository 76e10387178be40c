"""Access rules: `[[access]]` in the settings says which methods a token may call."""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from gateway.core.errors import ConfigurationError
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.principal import Rights
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.model import Commit, Reloadable, Settings, Strict
from gateway.feature import Feature
from gateway.features.access.interceptor import AccessControl
from gateway.features.access.rights import AccessRules, AddedKeys, by_any_signer
from gateway.features.access.settings import section_of

log = structlog.stdlib.get_logger("gateway")


class Access(Feature):
    name = "access"
    openapi = "openapi.yaml"
    explains = "gateway.features.access.commands"

    @classmethod
    def section(cls, added: Sequence[AddedKeys]) -> type[Strict]:
        return section_of(each.keys for each in added)

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        found.warnings += by_any_signer(settings)
        found.warnings += AccessRules(settings, composition.extensions(Access)).unreachable

    @classmethod
    def check_catalog(
        cls, settings: Settings, composition: Composition, catalog: Catalog, found: Findings
    ) -> None:
        rules = AccessRules(settings, composition.extensions(Access))
        if wrong := rules.unmatched(catalog):
            found.settings_wrong = True
            found.problems += wrong
        found.warnings += [
            f"access rule {rule.name!r}: {glob} matches nothing"
            for rule in rules
            for glob in rule.idle(catalog)
        ]

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._added: tuple[AddedKeys, ...] = gateway.extensions(Access)
        self._rules = self._read_rules(gateway.settings)
        gateway.live.globs.others.append(self._unmatched)
        gateway.authority.rights_for = self.rights_for

    def rights_for(self, claims: Mapping[str, object]) -> Rights:
        """By the current rules."""
        return self._rules.rule_for(claims)

    def interceptors(self) -> Iterable[Interceptor]:
        return (AccessControl(),)

    def reloadables(self) -> Iterable[Reloadable]:
        gateway, live = self.gateway, self.gateway.live

        def prepare(settings: Settings) -> Commit:
            rules, catalog = self._read_rules(settings), live.current
            wrong = (
                set() if catalog is None else {*rules.unmatched(catalog)} - {*live.globs.unmatched}
            )
            if wrong:
                raise ConfigurationError(*sorted(wrong))

            def commit() -> None:
                self._rules = rules
                gateway.authority.follow_rights(self.rights_for)
                live.check_globs()

            return commit

        return (Reloadable("the rules of access", ("access*", "identity"), prepare),)

    def _read_rules(self, settings: Settings) -> AccessRules:
        rules = AccessRules(settings, self._added)
        for warning in by_any_signer(settings):
            log.warning(warning)
        return rules

    def _unmatched(self, catalog: Catalog) -> tuple[str, ...]:
        return self._rules.unmatched(catalog)
