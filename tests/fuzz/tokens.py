"""Authorization headers: a principal or a GatewayError, also where the signature is right."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from gateway.core.errors import Code, GatewayError
from gateway.features.tokens.tokens import Authenticator, TokenRules

SECRET = b"a secret of more than 32 bytes, for tests"
NOW = 1_790_000_000.0
RULES = (
    TokenRules(),
    TokenRules(required=(), leeway=30),
    TokenRules(algorithms=("HS512", "HS256"), audience="gateway", issuer="studio"),
)
REFUSED = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


def one_input(data: bytes) -> None:
    """The first byte chooses the rules, and whether the rest is a header as it is.

    Otherwise it is what a token says, header and claims with a zero between them, and is signed.
    """
    if not data:
        return
    rules, text = RULES[data[0] % len(RULES)], data[1:]
    authorization = text if data[0] & 0x80 else b"Bearer " + signed(*text.partition(b"\0")[::2])
    authenticator = Authenticator((b"a secret of an earlier time....", SECRET), rules, lambda: NOW)
    first, second = (authenticated(authenticator, authorization) for _ in range(2))
    assert first == second


def authenticated(authenticator: Authenticator, authorization: bytes) -> tuple[object, ...]:
    try:
        principal = authenticator.authenticate(authorization)
    except GatewayError as error:
        assert error.code in REFUSED  # noqa: PT017 - success is fine too
        return error.code, error.message
    assert isinstance(principal.subject, str)
    return (principal.subject,)


def signed(header: bytes, claims: bytes) -> bytes:
    content = unpadded(header) + b"." + unpadded(claims)
    return content + b"." + unpadded(hmac.digest(SECRET, content, sha256))


def unpadded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
