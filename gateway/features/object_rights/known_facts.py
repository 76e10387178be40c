"""What Cuebot knows of an object that somebody names to `cuebot-gateway check --about`."""

from collections import Counter

from gateway.core.calls.invoke import calls_within
from gateway.core.errors import GatewayError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.core.settings.model import Settings
from gateway.core.upstream.cuebot import open_upstream
from gateway.features.access.rights import Rule
from gateway.features.object_rights.aspect import ByName
from gateway.features.object_rights.facts import FactFinder
from gateway.features.object_rights.restriction import ObjectConditions

LOOK_UP_SECONDS = 10.0


async def known_facts(
    settings: Settings, catalog: Catalog, method: Method, facts: dict[str, str], rule: Rule
) -> dict[str, str]:
    """The facts, and what Cuebot knows of the object that one of them names.

    Cuebot is asked only for facts that the rule needs and that are not given. Raises GatewayError
    if there is no such object.
    """
    conditions = ObjectConditions.of(rule)
    missing = set() if conditions is None else set(conditions.facts) - facts.keys()
    named = [
        (about, facts[fact])
        for fact, about in catalog.aspects[ByName].items()
        if fact in facts and missing.intersection(name for name, _ in about.facts)
    ]
    if len(named) != 1:
        return facts
    about, name = named[0]
    upstream = open_upstream(settings)
    try:
        call = calls_within(LOOK_UP_SECONDS, upstream, ())
        return {**await FactFinder(Counter()).of_name(about, name, method, call), **facts}
    except GatewayError as error:
        problem = f"Cuebot does not tell of {about.kind} {name!r} ({error.message})"
        hint = "say what it is about: --about user=… --about show=…"
        raise GatewayError(error.code, f"--about: {problem}; {hint}") from None
    finally:
        await upstream.close()
