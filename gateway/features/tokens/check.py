"""What `cuebot-gateway check` finds about tokens."""

from collections.abc import Iterable

from gateway.core.findings import Findings
from gateway.core.processes import Port
from gateway.core.settings.model import Settings
from gateway.core.settings.reach import reached_at
from gateway.features.tokens.identity_provider import NoKeySet, load_key_set, unbound
from gateway.features.tokens.revocation import read_denied
from gateway.features.tokens.secrets import load_secrets, weaknesses
from gateway.features.tokens.settings import TokenSettings


async def check_tokens(settings: Settings, ports: Iterable[Port], found: Findings) -> None:
    section = settings.section(TokenSettings)
    secrets: tuple[bytes, ...] = ()
    with found.settings():
        secrets = load_secrets(settings, reached_at=reached_at(settings, ports))
        found.warnings += weaknesses(settings, secrets)
    found.facts["secrets"] = len(secrets)
    found.tell("Secrets", str(len(secrets) or "none"))
    found.warnings += unbound(settings)
    with found.settings():
        if section.jwt_deny_file is not None:
            read_denied(section.jwt_deny_file)
    if section.jwt_jwks is not None:
        await check_keys(section.jwt_jwks, found)


async def check_keys(source: str, found: Findings) -> None:
    """The provider may be away, so settings are not wrong without its keys."""
    try:
        keys = await load_key_set(source)
    except NoKeySet as error:
        found.problems += error.problems
        return
    number = len(keys.keys)
    found.facts["keys"] = number
    listed = [f"{each.kid or 'no kid'}: {each.algorithm}" for each in keys.keys]
    skipped = [f"skipped {each}" for each in keys.skipped]
    found.tell("Keys", f"{number} key{'s' * (number != 1)}", [*listed, *skipped])
