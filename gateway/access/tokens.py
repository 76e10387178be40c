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
from typing import Any

import orjson
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from gateway.access.principal import Principal, forbidden, unauthenticated
from gateway.errors import ConfigurationError
from gateway.settings.model import Settings

LONGEST_TOKEN = 16384
"""Bytes. Those of providers name all the groups that somebody is in."""
LONGEST_SUBJECT = 512
"""Characters. Cuebot is told the subject, and metadata of more than 8 KB would be refused."""
REMEMBERED_TOKENS = 4096
REMEMBERED_BYTES = 4 * 2**20
"""Those of the remembered tokens together. Their claims take a few times as much."""
TOKEN = re.compile(rb"[\w-]+\.[\w-]*\.[\w-]*")
"""A JWS in compact form (RFC 7515 section 3.1). jose would skip foreign characters."""
TEMPORAL = ("exp", "nbf", "iat")


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
    leeway: float = 0.0
    max_age: float = 0.0
    """The longest lifetime of a token (seconds); 0 for any."""


class Authenticator:
    """Tokens to principals, remembering those that it has verified."""

    def __init__(
        self, secrets: Iterable[bytes], rules: TokenRules, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self.trust(secrets, rules)

    def trust(self, secrets: Iterable[bytes], rules: TokenRules) -> None:
        """Take these secrets and rules from now on, and forget what others have verified."""
        self.secrets = tuple(secrets)
        self._rules = rules
        self._keys: Mapping[str, list[Key]] = {
            algorithm: [jwk.construct(secret, algorithm) for secret in self.secrets]
            for algorithm in rules.algorithms
        }
        self._verified: OrderedDict[bytes, Principal] = OrderedDict()
        """By token."""
        self._remembered = 0
        """The bytes of these tokens."""

    def authenticate(self, authorization: bytes | None) -> Principal:
        """The principal of an Authorization header.

        Raises GatewayError: UNAUTHENTICATED without a readable JWT, PERMISSION_DENIED with one
        that does not hold.
        """
        token = bearer_token(authorization)
        principal = self._verified.get(token)
        if principal is None:
            principal = self._verify(text_of(token))
            principal.check(self._clock())
            self._remember(token, principal)
        principal.check(self._clock())
        return principal

    def _remember(self, token: bytes, principal: Principal) -> None:
        self._verified[token] = principal
        self._remembered += len(token)
        while len(self._verified) > REMEMBERED_TOKENS or self._remembered > REMEMBERED_BYTES:
            self._remembered -= len(self._verified.popitem(last=False)[0])

    def _verify(self, token: str) -> Principal:
        try:
            header = jws.get_unverified_header(token)
        except (JOSEError, ValueError, RecursionError):
            raise unauthenticated("the bearer token is not a JWT") from None
        if "crit" in header:
            raise forbidden("the token demands an extension (crit) that is not supported")
        algorithm = header.get("alg")
        keys = self._keys.get(algorithm) if isinstance(algorithm, str) else None
        if keys is None:
            raise forbidden(f"the token's algorithm is not one of {', '.join(self._keys)}")
        for key in keys:
            try:
                payload = jws.verify(token, key, list(self._keys))
            except Exception:  # noqa: S112 - whatever jose trips over is no valid token
                continue
            return self._principal(payload)
        raise forbidden("the token's signature does not match")

    def _principal(self, payload: bytes) -> Principal:
        try:
            claims = orjson.loads(payload)
        except orjson.JSONDecodeError:
            raise forbidden("the token's claims are not JSON") from None
        if not isinstance(claims, dict):
            raise forbidden("the token's claims are not a JSON object")
        self._check(claims)
        leeway = self._rules.leeway
        return Principal(
            subject=self._subject(claims),
            expires=claims.get("exp", math.inf) + leeway,
            not_before=claims.get("nbf", -math.inf) - leeway,
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
        if rules.issuer is not None and claims.get("iss") != rules.issuer:
            raise forbidden("the token is from another issuer (iss)")
        if rules.audience is not None:
            audience = claims.get("aud")
            if rules.audience not in (audience if isinstance(audience, list) else [audience]):
                raise forbidden("the token is for another audience (aud)")

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


def bearer_token(authorization: bytes | None) -> bytes:
    """The token of an Authorization header. Raises GatewayError (UNAUTHENTICATED)."""
    if authorization is None:
        raise unauthenticated("send a token: Authorization: Bearer <JWT>")
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


def is_number(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519 section 2): a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def token_rules(settings: Settings) -> TokenRules:
    """The rules for tokens that these settings ask for."""
    return TokenRules(
        algorithms=settings.jwt_algorithms,
        required=settings.jwt_required_claims,
        subject=settings.jwt_subject_claim,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        leeway=settings.jwt_leeway,
        max_age=settings.jwt_max_age,
    )


def mint_token(
    secret: bytes, rules: TokenRules, subject: str, seconds: float, now: float | None = None
) -> str:
    """A token for this subject that an `Authenticator` with this secret and rules accepts.

    Raises ConfigurationError when the rules demand a claim that only others can fill in, or for
    a subject that cannot be one.
    """
    if not 0 < len(subject) <= LONGEST_SUBJECT or not is_unicode(subject):
        raise ConfigurationError(
            f"a token's subject is a text of 1 to {LONGEST_SUBJECT} characters"
        )
    if rules.max_age and seconds > rules.max_age:
        raise ConfigurationError(
            f"JWT_MAX_AGE: the gateway takes no token that lives longer than {rules.max_age:g} s"
        )
    issued = int(time.time() if now is None else now)
    claims: dict[str, object] = {"iat": issued, "exp": issued + int(seconds)}
    if rules.issuer is not None:
        claims["iss"] = rules.issuer
    if rules.audience is not None:
        claims["aud"] = rules.audience
    claims[rules.subject[0]] = subject
    for name in rules.required:
        if name not in claims and name != "sub":
            raise ConfigurationError(f"JWT_REQUIRED_CLAIMS: no value is known for the claim {name}")
    algorithm = rules.algorithms[0]
    key = jwk.construct(secret, algorithm)
    return jws.sign(orjson.dumps(claims), key, algorithm=algorithm)


def is_unicode(text: str) -> bool:
    """Whether the text has no halves of characters, as undecodable bytes leave them."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
