"""Tokens with claims, for gateways that have rules of access."""

import time
from typing import Any

from jose import jwt

from tests.support.needs import missing
from tests.support.servers import SECRET


def signed(sub: str = "tester", **claims: object) -> dict[str, str]:
    payload: dict[str, Any] = {"sub": sub, "exp": int(time.time()) + 3600, **claims}
    return {"Authorization": f"Bearer {jwt.encode(payload, SECRET)}"}


def rule(name: str, who: dict[str, object], *may: str, **more: str) -> dict[str, object]:
    return {"name": name, "who": who, "may": may, **more}


def those_known(*rules: dict[str, object]) -> list[dict[str, object]]:
    """These rules, without those that object rights have conditions for if they are not there."""
    if not missing(["object_rights"]):
        return [*rules]
    return [each for each in rules if each.keys().isdisjoint(("see", "only", "always"))]


ALL_SEE_ONLY = those_known(
    rule("all", {"role": "all"}, "all"),
    rule("see", {"role": "see"}, "all", see="user = $sub"),
    rule("only", {"role": "only"}, "all", only="user = $sub"),
)
"""Rules of each kind, for the callers below; without object rights, the first alone."""
ALL, SEE, ONLY = (signed("lena", role=role) for role in ("all", "see", "only"))
