"""Who is calling: a bearer token to a Principal (RFC 6750, RFC 7519).

python-jose checks the signature. The claims are checked here, because jose lets text pass for
`exp`, raises what is no JWTError for other wrong types, ignores `crit`, and accepts a missing
`aud` when one is demanded.
"""

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import orjson
import structlog
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.http.exchange import exchange_of
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway.access.tokens")

LONGEST_TOKEN = 8192
LONGEST_SUBJECT = 512
"""Characters. Cuebot is told the subject, and metadata of more than 8 KB would be refused."""
REMEMBERED_TOKENS = 4096
SHORT_SECRET = 32
"""Bytes; RFC 7518 section 3.2 asks for at least as many as HS256's hash has."""
PUBLISHED_SECRETS = frozenset(
    {
        b"dev-secret-key-change-in-production",
        b"opencue-dev-jwt-secret-change-in-production",
        b"a-string-secret-at-least-256-bits-long",
        b"your-256-bit-secret-your-256-bit-secret",
    }
)
"""Secrets of that length that stand in published examples (OpenCue's, jwt.io's)."""
TOKEN = re.compile(rb"[\w-]+\.[\w-]*\.[\w-]*")
"""A JWS in compact form (RFC 7515 section 3.1). jose would skip foreign characters."""
TEMPORAL = ("exp", "nbf", "iat")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token has been verified. Times are unix seconds."""

    subject: str
    expires: float
    not_before: float

    def check(self, now: float) -> None:
        """Raises GatewayError (PERMISSION_DENIED) outside the token's life time."""
        if now >= self.expires:
            raise forbidden("the token has expired")
        if now < self.not_before:
            raise forbidden("the token is not valid yet (nbf)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a token has to say."""

    algorithms: tuple[str, ...] = ("HS256",)
    required: tuple[str, ...] = ("sub", "exp")
    audience: str | None = None
    issuer: str | None = None
    leeway: float = 0.0


def unauthenticated(problem: str) -> GatewayError:
    """401: there is nothing that could be verified."""
    return GatewayError(
        Code.UNAUTHENTICATED, problem, headers={"WWW-Authenticate": 'Bearer realm="cuebot-gateway"'}
    )


def forbidden(problem: str) -> GatewayError:
    """403: there is a token, and it does not hold."""
    return GatewayError(Code.PERMISSION_DENIED, problem)


class Authenticator:
    """Tokens to principals, remembering those that it has verified."""

    def __init__(
        self, secrets: Iterable[bytes], rules: Rules, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self.trust(secrets, rules)

    def trust(self, secrets: Iterable[bytes], rules: Rules) -> None:
        """Take these secrets and rules from now on, and forget what others have verified."""
        secrets = tuple(secrets)
        self._rules = rules
        self._keys: Mapping[str, list[Key]] = {
            algorithm: [jwk.construct(secret, algorithm) for secret in secrets]
            for algorithm in rules.algorithms
        }
        self._verified: dict[bytes | None, Principal] = {}
        """By the whole header, which is short enough once it has been verified."""

    def authenticate(self, authorization: bytes | None) -> Principal:
        """The principal of an Authorization header.

        Raises GatewayError: UNAUTHENTICATED without a readable JWT, PERMISSION_DENIED with one
        that does not hold.
        """
        principal = self._verified.get(authorization)
        if principal is None:
            principal = self._verify(bearer_token(authorization))
            principal.check(self._clock())
            if len(self._verified) >= REMEMBERED_TOKENS:
                del self._verified[next(iter(self._verified))]
            self._verified[authorization] = principal
        principal.check(self._clock())
        return principal

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
            subject=claims.get("sub", ""),
            expires=claims.get("exp", math.inf) + leeway,
            not_before=claims.get("nbf", -math.inf) - leeway,
        )

    def _check(self, claims: Mapping[str, object]) -> None:
        rules = self._rules
        for name in rules.required:
            if claims.get(name) is None:
                raise forbidden(f"the token has no {name} claim")
        for name in TEMPORAL:
            if name in claims and not is_number(claims[name]):
                raise forbidden(f"the token's {name} claim is not a number")
        subject = claims.get("sub", "-")
        if not isinstance(subject, str) or not subject:
            raise forbidden("the token's sub claim is not a text")
        if len(subject) > LONGEST_SUBJECT:
            raise forbidden(f"the token's sub claim is longer than {LONGEST_SUBJECT} characters")
        if rules.issuer is not None and claims.get("iss") != rules.issuer:
            raise forbidden("the token is from another issuer (iss)")
        if rules.audience is not None:
            audience = claims.get("aud")
            if rules.audience not in (audience if isinstance(audience, list) else [audience]):
                raise forbidden("the token is for another audience (aud)")


def bearer_token(authorization: bytes | None) -> str:
    """The token of an Authorization header. Raises GatewayError (UNAUTHENTICATED)."""
    if authorization is None:
        raise unauthenticated("send a token: Authorization: Bearer <JWT>")
    scheme, _, token = authorization.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise unauthenticated("the Authorization header is not of the form: Bearer <JWT>")
    if len(token) > LONGEST_TOKEN:
        raise unauthenticated(f"the token is longer than {LONGEST_TOKEN} bytes")
    if not TOKEN.fullmatch(token):
        raise unauthenticated("the bearer token is not a JWT")
    return token.decode("ascii")


def is_number(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519 section 2): a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def load_secrets(settings: Settings) -> tuple[bytes, ...]:
    """The secrets that tokens may be signed with, the first being the one to sign with.

    Raises ConfigurationError without one; warns about those that are easy to guess.
    """
    if settings.jwt_secret is not None and settings.jwt_secret_file is not None:
        raise ConfigurationError("JWT_SECRET and JWT_SECRET_FILE are both set; unset one")
    if settings.jwt_secret_file is not None:
        try:
            content = settings.jwt_secret_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"JWT_SECRET_FILE: cannot read {settings.jwt_secret_file}: {error.strerror}"
            ) from None
        secrets = tuple(line for line in content.splitlines() if line.strip())
    elif settings.jwt_secret is not None:
        text = settings.jwt_secret.get_secret_value()
        secrets = (text.encode("utf-8", "surrogateescape"),) if text.strip() else ()
    else:
        secrets = ()
    if not secrets:
        raise ConfigurationError(
            "JWT_SECRET: there is no secret that tokens are signed with; set it or JWT_SECRET_FILE"
            " (one way to make one: openssl rand -base64 32)"
        )
    for number, secret in enumerate(secrets, 1):
        try:
            jwk.construct(secret, settings.jwt_algorithms[0])
        except JOSEError:
            raise ConfigurationError(
                f"JWT_SECRET: secret number {number} is a key or certificate, not a shared secret"
            ) from None
        if is_weak(secret):
            log.warning(
                "a JWT secret is easy to guess; use 32 random bytes or more", secret_number=number
            )
    return secrets


def is_weak(secret: bytes) -> bool:
    """Whether the secret is short, or known to everybody."""
    return secret in PUBLISHED_SECRETS or len(secret) < SHORT_SECRET


def rules_of(settings: Settings) -> Rules:
    """The rules for tokens that these settings ask for."""
    return Rules(
        algorithms=settings.jwt_algorithms,
        required=settings.jwt_required_claims,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        leeway=settings.jwt_leeway,
    )


def mint_token(
    secret: bytes, rules: Rules, subject: str, seconds: float, now: float | None = None
) -> str:
    """A token for this subject that an `Authenticator` with this secret and rules accepts.

    Raises ConfigurationError when the rules demand a claim that only others can fill in, or for
    a subject that cannot be one.
    """
    if not 0 < len(subject) <= LONGEST_SUBJECT or not is_unicode(subject):
        raise ConfigurationError(
            f"a token's subject is a text of 1 to {LONGEST_SUBJECT} characters"
        )
    issued = int(time.time() if now is None else now)
    claims: dict[str, object] = {"sub": subject, "iat": issued, "exp": issued + int(seconds)}
    if rules.issuer is not None:
        claims["iss"] = rules.issuer
    if rules.audience is not None:
        claims["aud"] = rules.audience
    for name in rules.required:
        if name not in claims:
            raise ConfigurationError(f"JWT_REQUIRED_CLAIMS: no value is known for the claim {name}")
    algorithm = rules.algorithms[0]
    key = jwk.construct(secret, algorithm)
    return jws.sign(orjson.dumps(claims), key, algorithm=algorithm)


def is_unicode(text: str) -> bool:
    """Whether the text has no halves of characters, as undecodable bytes leave them."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


class Authentication:
    """Lets a request with a valid token pass to `app`, as its principal.

    Any other goes to `refused`, which finds the reason in `scope["refusal"]`.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, refused: ASGIApp) -> None:
        self._app = app
        self._authenticate = authenticator.authenticate
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            principal = self._authenticate(exchange.headers.get(b"authorization"))
        except GatewayError as refusal:
            scope["refusal"] = refusal
            await self._refused(scope, receive, send)
            return
        exchange.subject = principal.subject
        await self._app(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """The app behind a failed authentication: it raises the reason."""
    raise scope["refusal"]
