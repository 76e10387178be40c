"""Tokens: bearer tokens, the keys that sign them, and revocation."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from gateway.core.errors import OwnCause
from gateway.core.families import counter
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.principal import Signer
from gateway.core.settings.model import Reloadable, Settings, Strict
from gateway.feature import Feature
from gateway.features.tokens.authentication import Authentication
from gateway.features.tokens.check import check_tokens
from gateway.features.tokens.from_settings import (
    make_authenticator,
    read_keys,
    reloadable_tokens,
)
from gateway.features.tokens.minting import signer_of
from gateway.features.tokens.revocation import DenyFile
from gateway.features.tokens.settings import TokenSettings
from gateway.features.tokens.tokens import BAD_TOKENS, NO_KEYS


class Tokens(Feature):
    name = "tokens"
    identifies = True
    facts: ClassVar[Mapping[str, object]] = {"secrets": 0, "keys": None}
    commands: ClassVar[Mapping[str, str]] = {"token": "gateway.features.tokens.commands"}
    openapi = "openapi.yaml"
    families = (counter("auth_failures_total", "Requests without a valid token.", ("reason",)),)
    refusals: ClassVar[Mapping[OwnCause, str]] = {NO_KEYS: "No keys of the identity provider yet"}
    other_refusals: ClassVar[Mapping[OwnCause, str]] = {
        OwnCause(reason): text for reason, text in BAD_TOKENS.items()
    }
    headers = HeaderNames(read=("Authorization",), sent=("WWW-Authenticate",))

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return TokenSettings

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        await check_tokens(settings, composition.ports(settings), found)

    @classmethod
    def signer(cls, settings: Settings) -> Signer | None:
        return signer_of(settings)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        keys = read_keys(gateway.settings, gateway.reached_at)
        authority = gateway.authority
        # Access, which comes later, replaces the rights.
        self.authenticator = make_authenticator(
            gateway.settings, keys, lambda claims: authority.rights_for(claims)
        )
        self._provider = keys.provider
        deny_file = gateway.settings.section(TokenSettings).jwt_deny_file
        self._deny_file = DenyFile(deny_file, self.authenticator.deny)
        authority.follow_rights = self.authenticator.follow
        authority.generation = lambda: self.authenticator.generation

    def interceptors(self) -> Iterable[Interceptor]:
        return (Authentication(self.authenticator),)

    def reloadables(self) -> Iterable[Reloadable]:
        return (
            reloadable_tokens(
                self.authenticator, self._provider, self._deny_file, self.gateway.reached_at
            ),
        )

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        counted = self.gateway.refusals.since_start
        return {("auth_failures_total", reason): counted[reason] for reason in self.other_refusals}

    async def run(self) -> None:
        await asyncio.gather(self._provider.run(self.authenticator), self._deny_file.run())

    async def first_look(self) -> None:
        await self._provider.first_look()
