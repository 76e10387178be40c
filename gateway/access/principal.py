"""A caller whose token has been verified, and the two ways to refuse a token."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.access.rights import Rule
from gateway.errors import BadToken, Code, GatewayError


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token has been verified. Times are unix seconds."""

    subject: str
    expires: float
    not_before: float
    rule: Rule
    """What it may do."""
    claims: Mapping[str, object]
    """What the token says, verified, and who has signed it (SIGNED_BY); not to be changed."""

    @property
    def deciding_claims(self) -> dict[str, object]:
        """The claims by which it has been decided what it may do."""
        return {name: self.claims[name] for name in self.rule.decided_by if name in self.claims}

    def check(self, now: float) -> None:
        """Raises GatewayError (PERMISSION_DENIED) outside the token's lifetime."""
        if now >= self.expires:
            raise forbidden("the token has expired", "expired")
        if now < self.not_before:
            raise forbidden("the token is not valid yet (nbf)", "not_yet_valid")


def unauthenticated(problem: str, cause: BadToken = "malformed") -> GatewayError:
    """401: there is nothing that could be verified."""
    headers = {"WWW-Authenticate": 'Bearer realm="cuebot-gateway"'}
    return GatewayError(Code.UNAUTHENTICATED, problem, headers=headers, cause=cause)


def forbidden(problem: str, cause: BadToken = "claims") -> GatewayError:
    """403: there is a token, and it does not hold."""
    return GatewayError(Code.PERMISSION_DENIED, problem, cause=cause)
