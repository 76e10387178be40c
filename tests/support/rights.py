"""Tokens with claims, for gateways that have rules of access."""

import time
from typing import Any

from jose import jwt

from tests.support.servers import SECRET


def signed(sub: str = "tester", **claims: object) -> dict[str, str]:
    payload: dict[str, Any] = {"sub": sub, "exp": int(time.time()) + 3600, **claims}
    return {"Authorization": f"Bearer {jwt.encode(payload, SECRET)}"}


def rule(name: str, who: dict[str, object], *may: str, **more: str) -> dict[str, object]:
    return {"name": name, "who": who, "may": may, **more}


ALL_SEE_ONLY = [
    rule("all", {"role": "all"}, "all"),
    rule("see", {"role": "see"}, "all", see="user = $sub"),
    rule("only", {"role": "only"}, "all", only="user = $sub"),
]
"""Rules of each kind, for the callers below."""
ALL, SEE, ONLY = (signed("lena", role=role) for role in ("all", "see", "only"))
