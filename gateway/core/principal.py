"""Who makes a request, and what the core asks of their rights.

Tokens fill a `Principal` in. Its rights come from whatever decides on them by the claims of a
token; without that, everything is allowed.
"""

import ipaddress
import math
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from gateway.core.errors import Code, GatewayError
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.types import Identity

SIGNED_BY = "signed_by"
"""A claim that stands for the signer of a token, whatever the token itself has there."""


PRINCIPAL, ADDRESS = "x-gateway-principal", "x-forwarded-for"
"""gRPC metadata of calls to Cuebot: who makes them, and from where."""
SHARED = "shared"
"""The principal of calls for several callers, and of the memory for their answers."""


OWN_READS: set[str] = set()
"""Words for what features let callers read beside Cuebot's methods. Access rules may name them, and
their `reads` includes them.
"""


class Rights(Protocol):
    """What a caller may do."""

    @property
    def name(self) -> str:
        """For logs, metrics and rate limits."""

    @property
    def decided_by(self) -> Collection[str]:
        """Names of the claims that have led to these rights."""

    @property
    def identity(self) -> Identity:
        """How fields that name the caller are filled."""

    @property
    def shows_status(self) -> bool:
        """Whether the caller may see the state of the gateway itself: metrics, Cuebot's hosts."""

    def reads(self, word: str) -> bool:
        """Whether the caller may read what a feature has under this word of OWN_READS."""

    @property
    def is_restricted(self) -> bool:
        """Whether more than their methods decides about calls, or answers may lack something."""

    @property
    def is_partial(self) -> bool:
        """Whether answers may lack what others see, so that each is made for its caller."""

    @property
    def terms(self) -> Hashable:
        """All that they say: rights with the same terms allow the same."""

    def allowed(self, catalog: Catalog) -> frozenset[str]:
        """The native paths of allowed methods."""

    def names(self, catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
        """Names that may be suggested to the caller; `catalog.directory.names` itself if all are
        allowed.
        """

    def basis(self, claims: Mapping[str, object]) -> str:
        """A digest of all that decides about a request whose method is allowed, apart from its
        content; empty if nothing else decides.

        While it is the same, the same request is allowed.
        """


class Unrestricted:
    """The rights of everybody in a gateway that has no rules."""

    name = "access_default"
    decided_by = ()
    shows_status = True
    is_restricted = False
    is_partial = False
    terms = ()

    def __init__(self, identity: Identity = "fill") -> None:
        self.identity = identity

    def reads(self, word: str) -> bool:
        return True

    def allowed(self, catalog: Catalog) -> frozenset[str]:
        return frozenset(method.path for method in catalog.routes.values())

    def names(self, catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
        return catalog.directory.names

    def basis(self, claims: Mapping[str, object]) -> str:
        return ""


RightsFor = Callable[[Mapping[str, object]], Rights]
"""The rights of a token with these claims, whose `sub` is the subject."""


def everything(claims: Mapping[str, object]) -> Rights:
    """`RightsFor` a gateway that has no rules."""
    return UNRESTRICTED


UNRESTRICTED = Unrestricted()

Signer = Callable[[str, float], str]
"""A token of this subject, for so many seconds at most."""


@dataclass(slots=True)
class Authority:
    """What decides who callers are and what they may do; features replace its parts at startup."""

    rights_for: RightsFor = everything
    """The rights of a token, by its claims."""
    follow_rights: Callable[[RightsFor], object] = lambda rights_for: None
    """Takes other rights for all tokens: who waits is authorized again."""
    generation: Callable[[], int] = lambda: 0
    """How often keys, rules or revocations have changed: whoever waits may have lost a right."""

    def nobody(self) -> "Principal":
        """The principal of a request without a token, where none is needed."""
        return Principal("", math.inf, -math.inf, self.rights_for({}), {}, self.generation())


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token has been verified. Times are unix seconds."""

    subject: str
    expires: float
    not_before: float
    rights: Rights
    claims: Mapping[str, object]
    """Verified, with SIGNED_BY; not to be changed."""
    generation: int = 0
    """Generation of the keys and rights by which it was verified."""

    @property
    def deciding_claims(self) -> dict[str, object]:
        return {name: self.claims[name] for name in self.rights.decided_by if name in self.claims}

    def check(self, now: float) -> None:
        """Raises GatewayError (PERMISSION_DENIED) outside the token's lifetime."""
        if now >= self.expires:
            problem = "the token has expired"
            raise GatewayError(Code.PERMISSION_DENIED, problem, cause="expired")
        if now < self.not_before:
            problem = "the token is not valid yet (nbf)"
            raise GatewayError(Code.PERMISSION_DENIED, problem, cause="not_yet_valid")


@lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """The client behind an address: the address itself, or its /64 network for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
