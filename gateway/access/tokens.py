"""Who is calling: a bearer token to a Principal (RFC 6750, RFC 7519).

python-jose checks the signature. The claims are checked here, because jose lets text pass for
`exp`, raises what is no JWTError for other wrong types, ignores `crit`, and accepts a missing
`aud` when one is demanded.
"""

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from gateway.access.key_set import ALGORITHMS, KeySet
from gateway.access.principal import Principal, forbidden, unauthenticated
from gateway.access.revocation import NOBODY, Revocations
from gateway.access.rights import AccessRules
from gateway.errors import unavailable
from gateway.schema.catalog import Catalog
from gateway.settings.model import Settings
from gateway.settings.types import SIGNED_BY

LONGEST_TOKEN = 16384
"""Bytes. Those of providers name all the groups that somebody is in."""
BEARER = b"Bearer "
LONGEST_HEADER = len(BEARER) + LONGEST_TOKEN
LONGEST_SUBJECT = 512
"""Characters. Cuebot is told the subject, and metadata of more than 8 KB would be refused."""
REMEMBERED_TOKENS = 4096
REMEMBERED_BYTES = 4 * 2**20
"""Those of the remembered tokens together. Their claims take a few times as much."""
TOKEN = re.compile(rb"[\w-]+\.[\w-]*\.[\w-]*")
"""A JWS in compact form (RFC 7515 section 3.1). jose would skip foreign characters."""
OPEN = AccessRules(Settings())
"""Without rules, everybody may do everything."""
TEMPORAL = ("exp", "nbf", "iat")
PROVIDER_ALGORITHMS = tuple(ALGORITHMS.values())
DEEPEST_CLAIMS = 32
"""Lists and objects in each other. Rules of access and the audit log go through them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRules:
    """What a token of an identity provider has to say besides."""

    audience: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token has to say."""

    algorithms: tuple[str, ...] = ("HS256",)
    required: tuple[str, ...] = ("sub", "exp")
    """`sub` stands for whichever claim is the subject."""
    subject: tuple[str, ...] = ("sub",)
    """The claims that may be the subject; the first that is there counts."""
    audience: str | None = None
    issuer: str | None = None
    """Those of tokens that a secret has signed."""
    provider: ProviderRules | None = None
    """For tokens of an identity provider; none are accepted without them."""
    leeway: float = 0.0
    max_age: float = 0.0
    """The longest lifetime of a token (seconds); 0 for any."""


class Authenticator:
    """Tokens to principals, remembering those that it has verified."""

    def __init__(
        self,
        secrets: Iterable[bytes],
        rules: TokenRules,
        clock: Callable[[], float] = time.time,
        *,
        access: AccessRules = OPEN,
        keys: KeySet | None = None,
    ) -> None:
        self._clock = clock
        self.access = access
        """What the bearers of tokens may do."""
        self._denied = NOBODY
        self.on_unknown_key: Callable[[], object] = lambda: None
        """Called when a token names a key that is not among the provider's."""
        self.trust(secrets, rules, keys)

    def follow(self, access: AccessRules) -> None:
        """From now on, these rules say what the bearers of tokens may do."""
        self.access = access
        self._forget()

    def unmatched(self, catalog: Catalog) -> tuple[str, ...]:
        """What is wrong with the globs of the rules that match nothing in this catalog."""
        return self.access.unmatched(catalog)

    def nobody(self) -> Principal:
        """Whoever has no token, where none is needed."""
        return Principal(
            subject="",
            expires=math.inf,
            not_before=-math.inf,
            rule=self.access.rule_for({}),
            claims={},
        )

    def trust(
        self, secrets: Iterable[bytes], rules: TokenRules, keys: KeySet | None = None
    ) -> None:
        """Take these secrets, rules and keys of a provider from now on.

        What others have verified is forgotten.
        """
        self.secrets = tuple(secrets)
        self._rules = rules
        self._secret_keys: Mapping[str, list[Key]] = {
            algorithm: [jwk.construct(secret, algorithm) for secret in self.secrets]
            for algorithm in rules.algorithms
        }
        self.use_keys(keys)

    def use_keys(self, keys: KeySet | None) -> None:
        """Take these keys of the provider; none if they are not known yet."""
        self._provider_keys = keys
        self._forget()

    def deny(self, denied: Revocations) -> None:
        """Let these in no more."""
        self._denied = denied
        self._forget()

    def _forget(self) -> None:
        self._verified: OrderedDict[bytes, Principal] = OrderedDict()
        """By token, each behind `Bearer` and one space."""
        self._remembered = 0
        """The bytes of them."""

    def authenticate(self, authorization: bytes | None) -> Principal:
        """The principal of an Authorization header.

        Raises GatewayError: UNAUTHENTICATED without a readable JWT, PERMISSION_DENIED with one
        that does not hold.
        """
        if authorization is None or len(authorization) > LONGEST_HEADER:
            principal = None
        else:
            principal = self._verified.get(authorization)  # as most clients write it
        if principal is None:
            token = bearer_token(authorization)
            header = BEARER + token
            principal = self._verified.get(header)
            if principal is None:
                principal = self._verify(text_of(token))
                principal.check(self._clock())
                self._remember(header, principal)
        principal.check(self._clock())
        return principal

    def _remember(self, header: bytes, principal: Principal) -> None:
        self._verified[header] = principal
        self._remembered += len(header)
        while len(self._verified) > REMEMBERED_TOKENS or self._remembered > REMEMBERED_BYTES:
            self._remembered -= len(self._verified.popitem(last=False)[0])

    def _verify(self, token: str) -> Principal:
        try:
            header = jws.get_unverified_header(token)
        except (JOSEError, ValueError, RecursionError):
            raise unauthenticated("the bearer token is not a JWT") from None
        if "crit" in header:
            problem = "the token demands an extension (crit) that is not supported"
            raise forbidden(problem, "malformed")
        algorithm = header.get("alg")
        by_provider = algorithm in PROVIDER_ALGORITHMS and self._rules.provider is not None
        keys = self._keys_of_provider(header) if by_provider else self._keys_of_secrets(algorithm)
        for key in keys:
            try:
                payload = jws.verify(token, key, [str(algorithm)])
            except Exception:  # noqa: S112 - whatever jose trips over is no valid token
                continue
            return self._principal(payload, "provider" if by_provider else "secret")
        raise forbidden("the token's signature does not match", "signature")

    def _keys_of_secrets(self, algorithm: object) -> list[Key]:
        keys = self._secret_keys.get(algorithm) if isinstance(algorithm, str) else None
        provided = PROVIDER_ALGORITHMS if self._rules.provider is not None else ()
        if keys is None:
            known = (*self._secret_keys, *provided)
            raise forbidden(f"the token's algorithm is not one of {', '.join(known)}", "algorithm")
        if not keys:
            problem = "no token that a secret has signed is accepted (JWT_SECRET is not set)"
            raise forbidden(problem, "algorithm")
        return keys

    def _keys_of_provider(self, header: Mapping[str, Any]) -> list[Key]:
        keys, kid = self._provider_keys, header.get("kid")
        if keys is None:
            raise unavailable("the identity provider's keys are not known yet", "no_keys")
        if not isinstance(kid, str | None):
            raise forbidden("the token's kid is not a text", "malformed")
        found = keys.matching(header["alg"], kid)
        if not found and keys.has(kid):
            raise forbidden("the token's algorithm is not that of its key", "algorithm")
        if not found:
            self.on_unknown_key()
            raise forbidden(
                "the identity provider has no such key (kid) as the token's; its keys are fetched"
                " again, so try again in 30 s",
                "unknown_key",
            )
        return found

    def _principal(self, payload: bytes, signed_by: Literal["provider", "secret"]) -> Principal:
        try:
            claims = orjson.loads(payload)
        except orjson.JSONDecodeError:
            raise forbidden("the token's claims are not JSON", "malformed") from None
        if not isinstance(claims, dict):
            raise forbidden("the token's claims are not a JSON object", "malformed")
        if not is_flat(claims, DEEPEST_CLAIMS):
            problem = f"the token's claims are nested more than {DEEPEST_CLAIMS} deep"
            raise forbidden(problem, "malformed")
        binding = self._rules.provider if signed_by == "provider" else self._rules
        assert binding is not None
        check_binding(claims, binding)
        self._check(claims)
        subject = self._subject(claims)
        names = [claims.get(name) for name in self._rules.subject]
        if self._denied.includes(names, claims.get("jti")):
            raise forbidden("the token or its subject is on the gateway's deny list", "denied")
        leeway = self._rules.leeway
        claims |= {"sub": subject, SIGNED_BY: signed_by}
        return Principal(
            subject=subject,
            expires=claims.get("exp", math.inf) + leeway,
            not_before=claims.get("nbf", -math.inf) - leeway,
            rule=self.access.rule_for(claims),
            claims=claims,
        )

    def _check(self, claims: Mapping[str, Any]) -> None:
        rules = self._rules
        for name in rules.required:
            if name != "sub" and claims.get(name) is None:
                raise forbidden(f"the token has no {name} claim")
        for name in TEMPORAL:
            if name in claims and not is_number(claims[name]):
                raise forbidden(f"the token's {name} claim is not a number")
        if rules.max_age:
            self._check_age(claims)

    def _check_age(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        issued = min(claims.get("iat", now), now)  # or one from the future could live for ever
        longest = self._rules.max_age
        if claims.get("exp", math.inf) - issued > longest + self._rules.leeway:
            raise forbidden(f"the token lives longer than {longest:g} s (JWT_MAX_AGE)")

    def _subject(self, claims: Mapping[str, Any]) -> str:
        name = next((each for each in self._rules.subject if claims.get(each) is not None), None)
        if name is None:
            if "sub" in self._rules.required:
                raise forbidden(f"the token has no {' or '.join(self._rules.subject)} claim")
            return ""
        subject = claims[name]
        if not isinstance(subject, str) or not subject:
            raise forbidden(f"the token's {name} claim is not a text")
        if len(subject) > LONGEST_SUBJECT:
            raise forbidden(f"the token's {name} claim is longer than {LONGEST_SUBJECT} characters")
        return subject


def check_binding(claims: Mapping[str, Any], binding: TokenRules | ProviderRules) -> None:
    """Whether a token is from the right issuer and for the right audience. Raises GatewayError."""
    if binding.issuer is not None and claims.get("iss") != binding.issuer:
        raise forbidden("the token is from another issuer (iss)")
    if binding.audience is not None:
        audience = claims.get("aud")
        if binding.audience not in (audience if isinstance(audience, list) else [audience]):
            raise forbidden("the token is for another audience (aud)")


def bearer_token(authorization: bytes | None) -> bytes:
    """The token of an Authorization header. Raises GatewayError (UNAUTHENTICATED)."""
    if authorization is None:
        raise unauthenticated("send a token: Authorization: Bearer <JWT>", "no_token")
    scheme, _, token = authorization.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise unauthenticated("the Authorization header is not of the form: Bearer <JWT>")
    if len(token) > LONGEST_TOKEN:
        raise unauthenticated(f"the token is longer than {LONGEST_TOKEN} bytes")
    return token


def text_of(token: bytes) -> str:
    """The token, if it looks like one. Raises GatewayError (UNAUTHENTICATED)."""
    if not TOKEN.fullmatch(token):
        raise unauthenticated("the bearer token is not a JWT")
    return token.decode("ascii")


def is_flat(json: object, deepest: int) -> bool:
    """Whether lists and objects are at most so deep in each other."""
    if not isinstance(json, dict | list):
        return True
    inside = json.values() if isinstance(json, dict) else json
    return deepest > 0 and all(is_flat(each, deepest - 1) for each in inside)


def is_number(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519 section 2): a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def token_rules(settings: Settings) -> TokenRules:
    """The rules for tokens that these settings ask for.

    Without a provider, JWT_ISSUER and JWT_AUDIENCE are for tokens that a secret has signed, too.
    """
    issuer, audience = settings.jwt_secret_issuer, settings.jwt_secret_audience
    provider = ProviderRules(issuer=settings.jwt_issuer, audience=settings.jwt_audience)
    alone = settings.jwt_jwks is None
    return TokenRules(
        algorithms=settings.jwt_algorithms,
        required=settings.jwt_required_claims,
        subject=settings.jwt_subject_claim,
        audience=provider.audience if alone and audience is None else audience,
        issuer=provider.issuer if alone and issuer is None else issuer,
        provider=None if alone else provider,
        leeway=settings.jwt_leeway,
        max_age=settings.jwt_max_age,
    )
