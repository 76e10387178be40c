"""Authentication: a bearer token to a Principal (RFC 6750, RFC 7519).

python-jose verifies the signature. Claims are checked here: jose accepts a text as `exp`, raises
other errors than JWTError for other wrong types, ignores `crit`, and accepts a missing `aud`.
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

from gateway.core.errors import Code, GatewayError, Lapse, OwnCause, unavailable
from gateway.core.principal import SIGNED_BY, Principal, RightsFor, everything
from gateway.core.settings.model import Settings
from gateway.features.tokens.identity_provider import ALGORITHMS, KeySet, Provider
from gateway.features.tokens.revocation import NOBODY, Revocations
from gateway.features.tokens.settings import TokenSettings

LONGEST_TOKEN_BYTES = 16384
"""Providers list all groups of a person in a token."""
BEARER = b"Bearer "
LONGEST_HEADER_BYTES = len(BEARER) + LONGEST_TOKEN_BYTES
LONGEST_SUBJECT_CHARACTERS = 512
"""Cuebot gets the subject as metadata, and refuses metadata of more than 8 KB."""
REMEMBERED_TOKENS = 4096
REMEMBERED_TOKEN_BYTES = 4 * 2**20
"""Limit on all remembered tokens. Their claims take a few times as much."""
TOKEN = re.compile(rb"[\w-]+\.[\w-]*\.[\w-]*")
"""A JWS in compact form (RFC 7515 section 3.1). jose would skip other characters."""
TEMPORAL = ("exp", "nbf", "iat")
PROVIDER_ALGORITHMS = tuple(ALGORITHMS.values())
DEEPEST_CLAIMS = 32
"""Levels of lists and objects, which are walked through for rights and for the audit log."""


NO_KEYS = OwnCause("no_keys")
BadToken = (
    Lapse
    | Literal[
        "no_token",
        "malformed",
        "algorithm",
        "signature",
        "unknown_key",
        "claims",
        "denied",
    ]
)
BAD_TOKENS: Mapping[BadToken, str] = {
    "no_token": "Without a token",
    "malformed": "Tokens that cannot be read",
    "algorithm": "Tokens with an algorithm that is not accepted",
    "signature": "Tokens with a wrong signature",
    "unknown_key": "Tokens with an unknown key",
    "expired": "Expired tokens",
    "not_yet_valid": "Tokens that are not valid yet",
    "claims": "Tokens with wrong claims",
    "denied": "Tokens on the deny list",
}
"""Reasons for refusing a token, and what people are told of them."""


def unauthenticated(problem: str, cause: BadToken = "malformed") -> GatewayError:
    """401: there is no token that could be verified."""
    headers = {"WWW-Authenticate": 'Bearer realm="cuebot-gateway"'}
    return GatewayError(Code.UNAUTHENTICATED, problem, headers=headers, cause=OwnCause(cause))


def forbidden(problem: str, cause: BadToken = "claims") -> GatewayError:
    """403: the token is valid, or may be, and is not accepted."""
    return GatewayError(Code.PERMISSION_DENIED, problem, cause=OwnCause(cause))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRules:
    """Required claims of an identity provider's tokens, besides those of all tokens."""

    audience: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    algorithms: tuple[str, ...] = ("HS256",)
    required: tuple[str, ...] = ("sub", "exp")
    """Names of claims; `sub` stands for the subject's claim."""
    subject: tuple[str, ...] = ("sub",)
    """Names of claims; the first one present is the subject."""
    audience: str | None = None
    issuer: str | None = None
    """The issuer of tokens that a secret has signed."""
    provider: ProviderRules | None = None
    """None: no tokens of an identity provider are accepted."""
    leeway: float = 0.0
    max_age: float = 0.0
    """Longest lifetime in seconds; 0 for any."""


NO_PROVIDER = Provider(None)


class Authenticator:
    """Tokens to principals. Verified tokens are remembered."""

    def __init__(
        self,
        secrets: Iterable[bytes],
        rules: TokenRules,
        clock: Callable[[], float] = time.time,
        *,
        rights_for: RightsFor = everything,
        keys: KeySet | None = None,
        provider: Provider = NO_PROVIDER,
    ) -> None:
        self._clock = clock
        self.generation = 0
        """How often the keys, the rights or the deny list have been replaced."""
        self._rights_for = rights_for
        self._denied = NOBODY
        self._provider = provider
        self.trust(secrets, rules, keys)

    def follow(self, rights_for: RightsFor) -> None:
        """Replace the rights of all tokens; forget verified tokens."""
        self._rights_for = rights_for
        self._forget()

    def trust(
        self, secrets: Iterable[bytes], rules: TokenRules, keys: KeySet | None = None
    ) -> None:
        """Replace the secrets, the rules and the provider's keys; forget verified tokens."""
        self.secrets = tuple(secrets)
        self._rules = rules
        self._secret_keys: Mapping[str, list[Key]] = {
            algorithm: [jwk.construct(secret, algorithm) for secret in self.secrets]
            for algorithm in rules.algorithms
        }
        self.use_keys(keys)

    def use_keys(self, keys: KeySet | None) -> None:
        """Replace the provider's keys; None while they are unknown."""
        self._provider_keys = keys
        self._forget()

    def deny(self, denied: Revocations) -> None:
        self._denied = denied
        self._forget()

    def _forget(self) -> None:
        self.generation += 1
        self._verified: OrderedDict[bytes, Principal] = OrderedDict()
        """By header: `Bearer`, a space and the token."""
        self._remembered = 0
        """Bytes of the headers."""

    def authenticate(self, authorization: bytes | None) -> Principal:
        """The principal of an Authorization header.

        Raises GatewayError: UNAUTHENTICATED without a readable JWT, PERMISSION_DENIED for one that
        is not accepted.
        """
        if authorization is None or len(authorization) > LONGEST_HEADER_BYTES:
            principal = None
        else:
            principal = self._verified.get(authorization)  # as most clients spell it
        if principal is None:
            token = bearer_token(authorization)
            header = BEARER + token
            principal = self._verified.get(header)
            if principal is None:
                principal = self._verify(token)
                principal.check(self._clock())
                self._remember(header, principal)
        now = self._clock()
        if not principal.not_before <= now < principal.expires:
            principal.check(now)  # which raises
        return principal

    def authenticate_again(self, authorization: bytes | None, before: Principal) -> Principal:
        """`authenticate` for a header that was this principal's, verified again only under new keys
        or rules.

        A token whose request has waited for long may have been forgotten, among many others.
        """
        if before.generation != self.generation:
            return self.authenticate(authorization)
        before.check(self._clock())
        return before

    def _remember(self, header: bytes, principal: Principal) -> None:
        self._verified[header] = principal
        self._remembered += len(header)
        while len(self._verified) > REMEMBERED_TOKENS or self._remembered > REMEMBERED_TOKEN_BYTES:
            self._remembered -= len(self._verified.popitem(last=False)[0])

    def _verify(self, token: bytes) -> Principal:
        if not TOKEN.fullmatch(token):
            raise unauthenticated("the bearer token is not a JWT")
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
            except Exception:  # noqa: S112 - jose raises anything
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
            raise unavailable("the identity provider's keys are not known yet", NO_KEYS)
        if not isinstance(kid, str | None):
            raise forbidden("the token's kid is not a text", "malformed")
        found = keys.matching(header["alg"], kid)
        if not found and keys.has(kid):
            raise forbidden("the token's algorithm is not that of its key", "algorithm")
        if not found:
            self._provider.request_refresh()
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
            rights=self._rights_for(claims),
            claims=claims,
            generation=self.generation,
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
        issued = min(claims.get("iat", now), now)  # one in the future would extend the lifetime
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
        if len(subject) > LONGEST_SUBJECT_CHARACTERS:
            raise forbidden(
                f"the token's {name} claim is longer than {LONGEST_SUBJECT_CHARACTERS} characters"
            )
        return subject


def check_binding(claims: Mapping[str, Any], binding: TokenRules | ProviderRules) -> None:
    """Check issuer and audience. Raises GatewayError."""
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
    if scheme.lower() == b"bearer" and not token:
        raise unauthenticated("there is no token after Bearer: is $TOKEN set?")
    if scheme.lower() != b"bearer":
        raise unauthenticated("the Authorization header is not of the form: Bearer <JWT>")
    if len(token) > LONGEST_TOKEN_BYTES:
        raise unauthenticated(f"the token is longer than {LONGEST_TOKEN_BYTES} bytes")
    return token


def is_flat(json: object, deepest: int) -> bool:
    """Whether lists and objects are nested at most so deep."""
    if not isinstance(json, dict | list):
        return True
    inside = json.values() if isinstance(json, dict) else json
    return deepest > 0 and all(is_flat(each, deepest - 1) for each in inside)


def is_number(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519 section 2): a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def token_rules(settings: Settings) -> TokenRules:
    """Without a provider, JWT_ISSUER and JWT_AUDIENCE also apply to tokens that a secret has
    signed.
    """
    section = settings.section(TokenSettings)
    issuer, audience = section.jwt_secret_issuer, section.jwt_secret_audience
    provider = ProviderRules(issuer=section.jwt_issuer, audience=section.jwt_audience)
    alone = section.jwt_jwks is None
    return TokenRules(
        algorithms=section.jwt_algorithms,
        required=section.jwt_required_claims,
        subject=section.jwt_subject_claim,
        audience=provider.audience if alone and audience is None else audience,
        issuer=provider.issuer if alone and issuer is None else issuer,
        provider=None if alone else provider,
        leeway=section.jwt_leeway,
        max_age=section.jwt_max_age,
    )
