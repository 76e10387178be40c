"""Bearer tokens: who passes, who does not, and that nothing a client sends is ever a 500.

Tokens are signed here with hmac alone, so that the library under test has no say in them.
"""

import gc
import hashlib
import hmac
import itertools
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Code, GatewayError
from gateway.core.principal import Principal
from gateway.features.settings import Settings
from gateway.features.tokens.minting import mint_token
from gateway.features.tokens.revocation import NOBODY, Revocations
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.tokens import Authenticator, TokenRules
from tests.support.servers import Gateway, http_client

KEY = b"the secret of these tests, 32 bytes or more"
OTHER_KEY = b"another secret of the same length or so...."
NOW = 1_800_000_000.0
GOOD = {"sub": "lena", "exp": int(NOW) + 60}
HS256 = {"alg": "HS256", "typ": "JWT"}
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}

Text = bytes | dict[str, Any] | list[Any] | str | int | None
"""JSON: as it is to be sent, or to be dumped."""


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def json_text(value: Text) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def signed(claims: Text = GOOD, header: Text = HS256, key: bytes = KEY, alg: str = "HS256") -> str:
    """A JWS in compact form (RFC 7515 section 3.1), signed with `alg` whatever `header` says."""
    signing_input = f"{base64url(json_text(header))}.{base64url(json_text(claims))}"
    return f"{signing_input}.{base64url(hmac.digest(key, signing_input.encode(), HASHES[alg]))}"


def authenticator(
    *keys: bytes, rules: TokenRules | None = None, now: float | list[float] = NOW
) -> Authenticator:
    """One whose clock stands still, or says what `now[0]` is at the time."""
    moving = now if isinstance(now, list) else [now]
    return Authenticator(keys or (KEY,), rules or TokenRules(), clock=lambda: moving[0])


def refusal(token: str | bytes, subject: Authenticator | None = None) -> GatewayError:
    """How the token is refused."""
    sent = token if isinstance(token, bytes) else token.encode()
    with pytest.raises(GatewayError) as caught:
        (subject or authenticator()).authenticate(b"Bearer " + sent)
    return caught.value


def accepts(token: str, subject: Authenticator | None = None) -> Principal:
    return (subject or authenticator()).authenticate(b"Bearer " + token.encode())


def of_length(length: int) -> str:
    """A good token of exactly so many bytes."""
    for header_pad in range(4):
        header = HS256 | {"kid": "k" * header_pad}
        pad = length
        while len(token := signed(GOOD | {"pad": "p" * pad}, header)) > length:
            pad -= max(1, (len(token) - length) * 3 // 4)
        if len(token) == length:
            return token
    raise AssertionError


# --- 401: nothing that could be verified ----------------------------------------------------
@pytest.mark.parametrize(
    "authorization",
    [
        *(None, b"", b"Bearer", b"Bearer   ", b"Basic bGVuYTpzZWNyZXQ=", b"Bearer \xff\x00\n"),
        *(b"Token " + signed().encode(), signed().encode(), b"Bearer" + signed().encode()),
        *(b"Bearer hello", b"Bearer a.b", b"Bearer a.b.c", b"Bearer ..", b"Bearer a.b.c.d.e"),
        *(
            f"Bearer {signed(GOOD | {'pad': 'p' * pad})}{'.AAAA' * more}".encode()
            for pad in range(4)
            for more in (1, 4)
        ),
        b"Bearer " + signed(header=["HS256"]).encode(),
        b"Bearer " + signed(header=b"not json").encode(),
        b"Bearer " + signed(header=b"\xff\xfe").encode(),
        b"Bearer \xc3\xa9.\xc3\xa9.\xc3\xa9",
    ],
    ids=lambda sent: repr(sent)[:30],
)
def test_what_is_no_token_is_401(authorization: bytes | None) -> None:
    """Without a readable JWT there is a 401 that says which scheme to use (RFC 6750)."""
    with pytest.raises(GatewayError) as caught:
        authenticator().authenticate(authorization)
    assert (caught.value.code, caught.value.status) == (Code.UNAUTHENTICATED, 401)
    assert caught.value.headers["WWW-Authenticate"].split()[0] == "Bearer"


def test_a_token_of_16384_bytes_is_read_and_one_more_is_not() -> None:
    assert accepts(of_length(16384)).subject == "lena"
    for token in (of_length(16385), "A" * 2**20, "a.b." * 2**18):  # which is not parsed
        error = refusal(token)
        assert (error.status, error.message) == (401, "the token is longer than 16384 bytes")


@pytest.mark.parametrize("header", ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer   "])
def test_the_scheme_is_taken_in_any_case(header: str) -> None:
    """With one or more spaces behind it (RFC 9110 section 11)."""
    assert authenticator().authenticate(f"{header}{signed()}".encode()).subject == "lena"


# --- 403: a token that does not hold --------------------------------------------------------


NOT_A_NUMBER: tuple[object, ...] = (str(int(NOW) + 60), None, [int(NOW) + 60], {}, True)
MANY_DIGITS = ("Infinity", "-Infinity", "NaN", "1e400", "1" + "0" * 400, "9" * 5000)


@pytest.mark.parametrize(
    "token",
    [
        signed(key=OTHER_KEY),
        signed()[:-8] + "AAAAAAAA",
        signed().rpartition(".")[0] + ".",
        ".".join((signed().split(".")[0], signed(GOOD | {"sub": "bo"}).split(".")[1], "AAAA")),
        *(signed(claims) for claims in ({"exp": int(NOW) + 60}, {"sub": "lena"}, {})),
        *(
            signed(GOOD | {"sub": sub})
            for sub in ("", "x" * 513, 7, None, ["lena"], {"name": "lena"}, False)
        ),
        *(signed(GOOD | {"exp": exp}) for exp in (int(NOW) - 1, int(NOW), 0, -1)),
        *(signed(GOOD | {"exp": exp}) for exp in NOT_A_NUMBER),
        *(signed(b'{"sub": "lena", "exp": %s}' % exp.encode()) for exp in MANY_DIGITS),
        *(signed(GOOD | {"nbf": nbf}) for nbf in (int(NOW) + 1, str(int(NOW)), None, [1], False)),
        signed(b'{"sub":"lena","exp":1900000000,"nbf":1e999}'),
        *(signed(claims) for claims in (["lena"], "lena", 7, None, b"lena", b"", b"\xff\xfe")),
        signed(b'{"sub":"\\ud800","exp":1900000000}'),
        signed(b'{"sub":' + b"[" * 2500 + b"]" * 2500 + b"}"),
        *(signed(header=HS256 | {"crit": crit}) for crit in (["exp"], [], None)),
        signed(header={"typ": "JWT"}),
        *(
            signed(header={"alg": alg})
            for alg in ("none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS1", "../HS256")
        ),
        *(signed(header={"alg": alg}) for alg in (None, 256, {"HS256": 1}, ["HS256"])),
        *(signed(header={"alg": alg}).rpartition(".")[0] + "." for alg in ("none", "None", "NONE")),
        *(
            signed(header={"alg": alg})
            for alg in ("RS256", "ES256", "PS256", "HS384", "HS512", "dir", "A256GCM")
        ),
        *(signed(header={"alg": alg}, alg=alg) for alg in ("HS384", "HS512")),  # not configured
        signed(alg="HS512"),
    ],
    ids=itertools.count(),
)
def test_a_token_that_does_not_hold_is_403(token: str) -> None:
    """A JWT with a wrong signature, algorithm or claim is PERMISSION_DENIED."""
    error = refusal(token)
    assert (error.code, error.status) == (Code.PERMISSION_DENIED, 403)
    assert error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b'{"alg":"HS256","x":' + b"[" * 2500 + b"]" * 2500 + b"}", id="lists"),
        pytest.param(b'{"alg":"HS256","x":' + b'{"":' * 1100 + b"1" + b"}" * 1101, id="objects"),
        pytest.param(b'{"alg":"HS256","x":' + b"9" * 5000 + b"}", id="digits"),
    ],
)
def test_a_monstrous_header_is_no_crash(header: bytes) -> None:
    """JSON in the token's header that exhausts a parser is a refusal like any other.

    How deep is too deep is Python's own: from 3.12 on, some of these are valid tokens.
    """
    try:
        principal = accepts(signed(header=header))
    except GatewayError as error:
        assert error.status in (401, 403)  # noqa: PT017 - or success
    else:
        assert principal.subject


@pytest.mark.parametrize("added", ["!!!", "=", "\t~", "$", "%20"])
def test_a_token_with_other_characters_is_refused(added: str) -> None:
    """Nothing but base64url may stand in a JWT (RFC 7515 section 5.2): one token, one text."""
    assert refusal(signed() + added).status in (401, 403)


def test_messages_do_not_hold_the_token() -> None:
    for token in (signed(key=OTHER_KEY), signed(GOOD | {"exp": 0}), "opaque-" + "x" * 40):
        message = refusal(token).message
        assert token not in message
        assert token.rpartition(".")[2] not in message


# --- What passes ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "more",
    [
        *({}, {"at_hash": "abc"}, {"iss": "studio"}, {"role": "admin", "iat": int(NOW)}),
        *({"aud": aud} for aud in ("cueweb", ["cueweb", "rv"], 7)),
        *({"exp": exp} for exp in (NOW + 0.5, 2**64)),
        *({"nbf": nbf} for nbf in (int(NOW), NOW - 0.5)),
        {"jti": None, "x": {"y": [1]}},
    ],
    ids=str,
)
def test_a_good_token_is_its_subject(more: dict[str, Any]) -> None:
    """Whoever has a valid token is its `sub`; claims that nobody asked for do not matter."""
    assert accepts(signed(GOOD | more)).subject == "lena"


def test_a_principal_has_the_claims_of_its_token() -> None:
    claims = GOOD | {"scope": "read write", "realm_access": {"roles": ["artist"]}, "x": None}
    assert accepts(signed(claims)).claims == claims | {"signed_by": "secret"}


@pytest.mark.parametrize("subject", ["léna", "日本", "a b", "a\nb", "\x00", " ", "x" * 512])
def test_a_subject_may_be_any_text(subject: str) -> None:
    assert accepts(signed(GOOD | {"sub": subject})).subject == subject


ALL_HS = TokenRules(algorithms=("HS256", "HS384", "HS512"))
AUD = TokenRules(audience="render")
ISS = TokenRules(issuer="studio")
ROLE = TokenRules(required=("sub", "exp", "role"))
SUB = TokenRules(required=("sub",))
LEEWAY = TokenRules(leeway=10)
HOUR = 3600
LIFETIME = TokenRules(max_age=HOUR, leeway=5)
BOUNDED = TokenRules(required=("sub",), max_age=HOUR)
USER = TokenRules(subject=("sub", "user"))
EMAIL = TokenRules(subject=("email",))
NO_SUB = {"exp": int(NOW) + 60}


def lasting(times: dict[str, int]) -> str:
    """A token with these times, in seconds from now."""
    return signed({"sub": "lena"} | {name: int(NOW) + time for name, time in times.items()})


@pytest.mark.parametrize(
    ("rules", "token", "problem"),
    [
        (TokenRules(), signed(header={"alg": "HS256"}), ""),  # RFC 7519 section 5.1: no typ
        *((ALL_HS, signed(header={"alg": alg}, alg=alg), "") for alg in HASHES),
        (ALL_HS, signed(header={"alg": "HS512"}, alg="HS256"), "signature"),
        (TokenRules(algorithms=("HS512",)), signed(), "algorithm"),
        *(
            (AUD, signed(GOOD | {"aud": aud}), "")
            for aud in ("render", ["render"], ["a", "render"])
        ),
        *(
            (AUD, signed(GOOD | {"aud": aud}), "aud")
            for aud in ("web", "renderer", "rende", "", [], ["web"], [["render"]], {"render": 1}, 7)
        ),
        (AUD, signed(GOOD | {"aud": None}), "aud"),
        (AUD, signed(), "aud"),
        (ISS, signed(GOOD | {"iss": "studio"}), ""),
        (ISS, signed(), "iss"),
        *((ISS, signed(GOOD | {"iss": iss}), "iss") for iss in ("studio2", None, ["studio"])),
        (ROLE, signed(GOOD | {"role": "td"}), ""),
        (ROLE, signed(), "no role claim"),
        (ROLE, signed(GOOD | {"role": None}), "no role claim"),
        (SUB, signed({"sub": "lena"}), ""),
        (SUB, signed({"sub": "lena", "exp": int(NOW) - 1}), "expired"),
        (LEEWAY, signed(GOOD | {"exp": NOW - 9.9}), ""),
        (LEEWAY, signed(GOOD | {"exp": NOW - 10}), "expired"),
        (LEEWAY, signed(GOOD | {"nbf": NOW + 10}), ""),
        (LEEWAY, signed(GOOD | {"nbf": NOW + 10.1}), "nbf"),
        (LIFETIME, signed(GOOD | {"exp": int(NOW) + 3605}), ""),
        (LIFETIME, signed(GOOD | {"exp": int(NOW) + 3606}), "JWT_MAX_AGE"),
        *((BOUNDED, lasting(times), "") for times in ({"iat": 0, "exp": HOUR}, {"exp": HOUR})),
        *(
            (BOUNDED, lasting(times), "JWT_MAX_AGE")
            for times in (
                *({"iat": 0, "exp": HOUR + 1}, {"exp": HOUR + 1}, {"iat": 0}),
                {"iat": 1 - HOUR, "exp": 2},  # which is nearly over
                {"iat": 86400, "exp": 86400 + 60},  # in the future
            )
        ),
        (USER, signed(GOOD | {"user": "bo"}), ""),
        (USER, signed(NO_SUB | {"user": "lena"}), ""),
        (USER, signed(NO_SUB | {"user": "lena", "sub": None}), ""),
        (USER, signed(NO_SUB), "sub or user"),
        (USER, signed(NO_SUB | {"sub": None, "user": None}), "sub or user"),
        (USER, signed(NO_SUB | {"sub": 7, "user": "bo"}), "sub claim is not a text"),
        (USER, signed(NO_SUB | {"sub": "", "user": "bo"}), "sub claim is not a text"),
        (USER, signed(NO_SUB | {"user": ["bo"]}), "user claim is not a text"),
        (USER, signed(NO_SUB | {"user": "x" * 513}), "user claim is longer"),
        (EMAIL, signed(NO_SUB | {"email": "lena"}), ""),
        (EMAIL, signed(), "no email claim"),
    ],
)
def test_rules_of_the_settings(rules: TokenRules, token: str, problem: str) -> None:
    """Algorithms, audience, issuer, required claims, the subject's claim, times and leeway."""
    subject = authenticator(rules=rules)
    if not problem:
        assert accepts(token, subject).subject == "lena"
    else:
        error = refusal(token, subject)
        assert (error.status, problem in error.message) == (403, True)


# --- Time -----------------------------------------------------------------------------------


@pytest.mark.parametrize("exp", ["1e308", "9" * 300, "18446744073709551616"])
@pytest.mark.parametrize("iat", ["", '"iat": 1e308, ', '"iat": -1e308, ', '"iat": 0, '])
def test_a_token_for_ever_is_refused_where_the_lifetime_is_bounded(exp: str, iat: str) -> None:
    claims = f'{{"sub": "lena", {iat}"exp": {exp}}}'.encode()
    assert accepts(signed(claims)).subject == "lena"
    assert refusal(signed(claims), authenticator(rules=TokenRules(max_age=1e9))).status == 403


def test_a_token_expires_although_it_is_remembered() -> None:
    """And one that came too early passes later."""
    now, times = [NOW], {"nbf": int(NOW) + 4, "exp": int(NOW) + 10}
    subject, token = authenticator(now=now), signed(GOOD | times)
    assert refusal(token, subject).status == 403
    for now[0] in (NOW + 4, NOW + 9.999):
        assert accepts(token, subject).subject == "lena"
    for now[0] in (NOW + 10, NOW + 11):
        assert refusal(token, subject).status == 403


# --- Secrets --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "secret",
    [
        *(b'"a secret within quotation marks, of 40+"', b"true", b"null"),
        b'{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAA"}',
        b'{"keys": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}',
        b'["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]',
        *(b"12345678901234567890123456789012", b" spaces around a secret are part of it  "),
        *(b"\xff\xfe binary \x00 bytes, and enough of them", "äöü äöü äöü äöü äöü äöü".encode()),
    ],
    ids=range(10),
)
def test_secrets_are_bytes_and_nothing_else(secret: bytes) -> None:
    subject = authenticator(secret)
    assert accepts(signed(key=secret), subject).subject == "lena"
    assert refusal(signed(key=secret.strip(b'" ') + b"."), subject).status == 403
    assert accepts(mint_token(secret, TokenRules(), "bo", 60, now=NOW), subject).subject == "bo"


def remembered() -> int:
    """How many principals this process holds."""
    gc.collect()
    return sum(isinstance(thing, Principal) for thing in gc.get_objects())


def test_rotation_through_a_file(tmp_path: Path) -> None:
    """Tokens of the old and of the new secret pass, new ones are signed with the first."""
    file = tmp_path / "jwt"
    file.write_bytes(KEY + b"\r\n\r\n" + OTHER_KEY + b"\r\n")
    secrets = load_secrets(Settings(jwt_secret_file=file))
    subject = authenticator(*secrets)
    assert accepts(signed(key=KEY), subject).subject == "lena"
    assert accepts(signed(key=OTHER_KEY), subject).subject == "lena"
    assert refusal(signed(key=KEY + b"."), subject).status == 403
    minted = mint_token(secrets[0], TokenRules(), "lena", 60, now=NOW)
    assert accepts(minted, authenticator(KEY)).subject == "lena"


@pytest.mark.thorough
def test_the_memory_of_tokens_is_bounded() -> None:
    subject, before = authenticator(), remembered()
    tokens = [signed(GOOD | {"n": number}) for number in range(9000)]
    for token in tokens:
        accepts(token, subject)
    assert remembered() - before <= 8192
    assert accepts(tokens[0], subject).subject == "lena"
    assert accepts(tokens[-1], subject).subject == "lena"


@pytest.mark.thorough
def test_the_memory_of_long_tokens_is_bounded_in_bytes() -> None:
    subject, before = authenticator(), remembered()
    tokens = [signed(GOOD | {"n": number, "pad": "p" * 10_000}) for number in range(600)]
    principals = [accepts(token, subject) for token in tokens]
    first, last = principals[0], principals[-1]
    del principals
    assert 250 < remembered() - before < 350
    assert accepts(tokens[-1], subject) is last
    assert accepts(tokens[0], subject) is not first


@pytest.mark.thorough
def test_blanks_before_a_token_make_no_other_one() -> None:
    subject, token = authenticator(), signed().encode()
    principal = subject.authenticate(b"Bearer " + token)
    before = remembered()
    for blanks in (1, 2, 60_000):
        for scheme in (b"Bearer", b"bearer"):
            assert subject.authenticate(scheme + b" " * blanks + token + b" ") is principal
    assert remembered() == before


def test_a_verified_token_is_remembered() -> None:
    subject, token = authenticator(), signed()
    assert accepts(token, subject) is accepts(token, subject)


@pytest.mark.thorough
def test_refused_tokens_are_not_remembered() -> None:
    subject, before = authenticator(), remembered()
    for number in range(500):
        refusal(signed(GOOD | {"n": number}, key=OTHER_KEY), subject)
    assert remembered() == before


@pytest.mark.parametrize(
    "rules",
    [
        TokenRules(),
        TokenRules(algorithms=("HS512", "HS256")),
        TokenRules(audience="render", issuer="studio"),
        TokenRules(leeway=30),
        TokenRules(subject=("email", "sub"), max_age=90),
    ],
    ids=range(5),
)
def test_a_minted_token_is_accepted_until_it_expires(rules: TokenRules) -> None:
    minted, now = mint_token(KEY, rules, "lena", 90, now=NOW), [NOW]
    subject = authenticator(rules=rules, now=now)
    for now[0] in (NOW, NOW + 89 + rules.leeway):
        assert accepts(minted, subject).subject == "lena"
    now[0] += 1
    assert refusal(minted, subject).status == 403


def test_a_minted_token_is_a_plain_jwt() -> None:
    minted = mint_token(KEY, TokenRules(), "lena", 60, now=NOW)
    claims = {"sub": "lena", "iat": int(NOW), "exp": int(NOW) + 60}
    header, payload, signature = minted.split(".")
    assert hmac.compare_digest(
        signature, base64url(hmac.digest(KEY, f"{header}.{payload}".encode(), hashlib.sha256))
    )
    assert json.loads(urlsafe_decode(header))["alg"] == "HS256"
    assert json.loads(urlsafe_decode(payload)) == claims


def urlsafe_decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- Nothing is ever a 500 ------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
HEADERS = st.fixed_dictionaries(
    {}, optional={"alg": st.just("HS256") | ANY_JSON, "typ": ANY_JSON, "crit": ANY_JSON}
)
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        name: st.just("render") | st.just(int(NOW) + 60) | ANY_JSON
        for name in ("sub", "user", "exp", "nbf", "iat", "aud", "iss", "jti")
    },
)
EVERY_RULE = TokenRules(
    algorithms=("HS256", "HS512"),
    required=("sub", "exp", "aud"),
    audience="render",
    issuer="render",
    leeway=5,
    subject=("user", "sub"),
    max_age=1e6,
)


def outcome(subject: Authenticator, authorization: bytes) -> Principal | None:
    """The principal, or None after a refusal; anything else is this test's failure."""
    try:
        return subject.authenticate(authorization)
    except GatewayError as error:
        refused = error
    assert (refused.code, refused.status) in (
        (Code.UNAUTHENTICATED, 401),
        (Code.PERMISSION_DENIED, 403),
    )
    json.loads(refused.body())
    return None


SEGMENTS = st.lists(st.binary(max_size=60).map(base64url), min_size=1, max_size=5)


@given(
    st.binary(max_size=200) | SEGMENTS.map(lambda segments: ".".join(segments).encode()),
    st.sampled_from([b"Bearer ", b"bearer  ", b""]),
)
def test_any_bytes_are_refused(sent: bytes, scheme: bytes) -> None:
    """Whatever stands in the header, it is a 401 or a 403, also if it is well-formed base64."""
    assert outcome(authenticator(), scheme + sent) is None


@pytest.mark.thorough
@given(HEADERS | ANY_JSON, CLAIMS | ANY_JSON, st.sampled_from([TokenRules(), EVERY_RULE]))
def test_any_json_is_a_principal_or_a_refusal(header: Any, claims: Any, rules: TokenRules) -> None:
    token = signed(claims, header)
    principal = outcome(authenticator(rules=rules), f"Bearer {token}".encode())
    if principal is not None:
        named = [claims[name] for name in rules.subject if claims.get(name) is not None]
        assert principal.subject == named[0]
        assert isinstance(principal.subject, str)
        assert principal.subject


@given(st.data())
def test_changed_tokens_never_make_another_principal(data: st.DataObject) -> None:
    token = bytearray(signed(GOOD | {"nbf": 1, "aud": "render"}).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(token) - 1))
        cut = data.draw(st.integers(0, 4))
        token[place : place + cut] = data.draw(st.binary(max_size=4))
    principal = outcome(authenticator(), b"Bearer " + bytes(token))
    assert principal is None or principal.subject == "lena"


# --- Through a running gateway --------------------------------------------------------------

SHOWS = "/show.ShowInterface/GetShows"


@pytest.mark.anyio
async def test_the_root_needs_a_token_too(gateway: Gateway) -> None:
    async with http_client(gateway.url) as stranger:
        answer = await stranger.get("/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = await gateway.client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (404, 5)


@pytest.mark.anyio
@pytest.mark.parametrize("path", [SHOWS, "/no.Such/Method", "/frame.FrameInterface/GetFrame"])
async def test_strangers_cannot_tell_what_is_served(gateway: Gateway, path: str) -> None:
    async with http_client(gateway.url) as stranger:
        assert (await stranger.post(path, json={})).status_code == 401


def test_a_principal_is_checked_again_without_its_token() -> None:
    """Only its lifetime, until keys, rules or denials are others."""
    now = [float(NOW)]
    subject = authenticator(now=now)
    token = signed(GOOD)
    header = b"Bearer " + token.encode()
    before = accepts(token, subject)
    assert subject.authenticate_again(b"no token", before) is before
    now[0] = float(NOW) + 60
    with pytest.raises(GatewayError, match="has expired"):
        subject.authenticate_again(header, before)
    now[0] = float(NOW)
    subject.deny(Revocations(subjects=frozenset((before.subject,))))
    with pytest.raises(GatewayError, match="deny list"):
        subject.authenticate_again(header, before)
    subject.deny(NOBODY)
    after = subject.authenticate_again(header, before)
    assert (after.subject, after is before) == (before.subject, False)
