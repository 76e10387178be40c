"""Authentication by the settings, and its reloads on SIGHUP."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import structlog

from gateway.core.principal import RightsFor
from gateway.core.settings.key_files import readable_by_all
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.features.tokens.identity_provider import (
    KeySet,
    NoKeySet,
    Provider,
    is_url,
    load_key_set,
    read_key_set,
    unbound,
)
from gateway.features.tokens.revocation import DenyFile
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.settings import TokenSettings
from gateway.features.tokens.tokens import Authenticator, token_rules

log = structlog.stdlib.get_logger("gateway")


class Keys(NamedTuple):
    secrets: tuple[bytes, ...]
    provider: Provider


def read_keys(settings: Settings, reached_at: tuple[str, ...]) -> Keys:
    """The secrets and the provider's keys; those at a URL are fetched later. Logs warnings. Raises
    ConfigurationError.
    """
    secrets = load_secrets(settings, reached_at=reached_at)
    source, keys = settings.section(TokenSettings).jwt_jwks, None
    if source is not None and not is_url(source):
        keys = read_key_set(Path(source))
    warn_of_tokens(settings)
    return Keys(secrets, Provider(source, keys))


def make_authenticator(settings: Settings, keys: Keys, rights_for: RightsFor) -> Authenticator:
    provider = keys.provider
    return Authenticator(
        keys.secrets,
        token_rules(settings),
        rights_for=rights_for,
        keys=provider.keys,
        provider=provider,
    )


def warn_of_tokens(settings: Settings) -> None:
    """Log which secrets are readable by all, and which tokens of others are accepted."""
    for warning in (*readable_by_all(settings), *unbound(settings)):
        log.warning(warning)


def reloadable_tokens(
    authenticator: Authenticator,
    provider: Provider,
    deny_file: DenyFile,
    reached_at: tuple[str, ...],
) -> Reloadable:
    """Secrets, keys, required claims and the deny list.

    `reached_at` is where the gateway listens, which a reload does not change.
    """

    def prepare(settings: Settings) -> Commit:
        section = settings.section(TokenSettings)
        secrets = load_secrets(settings, authenticator.secrets, reached_at=reached_at)
        rules, source = token_rules(settings), section.jwt_jwks
        found: KeySet | None = None
        if source is not None:
            try:
                found = asyncio.run(load_key_set(source))
            except NoKeySet as error:
                if source != provider.source or not is_url(source):
                    raise
                log.error("the identity provider's keys stay as they were", problem=str(error))
        deny = deny_file.prepare(section.jwt_deny_file)
        warn_of_tokens(settings)

        def commit() -> None:
            keys = provider.keys if found is None and source is not None else found
            authenticator.trust(secrets, rules, keys)
            provider.follow(source, keys)
            deny()

        return commit

    return Reloadable("the secrets", ("jwt_*",), prepare)
