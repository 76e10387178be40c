"""Identity providers: whose keys verify tokens, and how key sets are fetched and followed."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from gateway import app as app_module
from gateway.app import create_app
from gateway.core.errors import ConfigurationError, GatewayError
from gateway.core.principal import Principal
from gateway.features.access.rights import AccessRules
from gateway.features.settings import Settings, load_settings
from gateway.features.tokens import identity_provider as module
from gateway.features.tokens.identity_provider import (
    PARTS_PER_TURN,
    KeySet,
    NoKeySet,
    Provider,
    content_of,
    load_key_set,
    parse_key_set,
    unbound,
)
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.tokens import (
    NO_PROVIDER,
    Authenticator,
    ProviderRules,
    TokenRules,
    token_rules,
)
from tests.features.tokens.test_tokens import base64url, signed
from tests.support.certificates import authority, pair
from tests.support.commands import in_process
from tests.support.needs import needs
from tests.support.patience import PATIENCE
from tests.support.provider import (
    Document,
    Ec,
    KeyServer,
    Rsa,
    ec_key,
    entra,
    key_server,
    keycloak,
    okta,
    rsa_key,
)
from tests.support.rights import rule
from tests.support.servers import SECRET as SERVERS_SECRET
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, settings_for

pytestmark = [pytest.mark.anyio, needs("access")]

NOW = 1_800_000_000.0
GOOD = {"sub": "lena", "exp": int(NOW) + 60}
RULES = TokenRules(provider=ProviderRules())
SECRET = b"the secret of these tests, 32 bytes or more"

ONE, TWO, THREE = rsa_key("one"), rsa_key("two"), rsa_key("three")
CURVE = ec_key("curve")
SET = {"keys": [ONE.jwk(kid="1"), TWO.jwk(kid="2"), CURVE.jwk(kid="c")]}


@dataclass
class Refresher:
    requests: int = 0

    def request_refresh(self) -> None:
        self.requests += 1


def trusting(
    document: Document, *secrets: bytes, rules: TokenRules = RULES, provider: Any = NO_PROVIDER
) -> Authenticator:
    """An authenticator with the keys of this set."""
    keys = parse_key_set(json.dumps(document).encode())
    return Authenticator(secrets, rules, clock=lambda: NOW, keys=keys, provider=provider)


def accepts(token: str, subject: Authenticator) -> Principal:
    return subject.authenticate(b"Bearer " + token.encode())


def refusal(token: str, subject: Authenticator) -> str:
    """Why the token is refused, with 403."""
    with pytest.raises(GatewayError) as caught:
        accepts(token, subject)
    assert caught.value.status == 403
    return caught.value.message


# --- One namespace of subjects --------------------------------------------------------------
def test_rules_can_tell_who_has_signed_a_token() -> None:
    access = [
        rule("cueweb", {"sub": "user-id", "signed_by": "secret"}, "all", identity="trust"),
        rule("people", {"signed_by": "provider"}, "reads"),
    ]
    subject = trusting(SET, SECRET)
    subject.follow(AccessRules(Settings.model_validate({"access": access})).rule_for)
    said = GOOD | {"sub": "user-id", "signed_by": "secret"}
    assert accepts(ONE.token(said, kid="1"), subject).rights.name == "people"
    claimed = signed(GOOD | {"sub": "user-id", "signed_by": "provider"}, key=SECRET)
    assert accepts(claimed, subject).rights.name == "cueweb"


# --- The shapes of providers ----------------------------------------------------------------
def test_keys_for_encryption_verify_nothing() -> None:
    subject, encryption = trusting(keycloak(ONE, CURVE)), rsa_key("encryption")
    refusal(encryption.token(GOOD, kid="kc-enc"), subject)
    refusal(encryption.token(GOOD), subject)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (ONE.jwk(use="enc"), "signatures"),
        (ONE.jwk(key_ops=["encrypt"]), "signatures"),
        (ONE.jwk(key_ops=7), "signatures"),
        (ONE.jwk(alg="RS512"), "RS256"),
        (ONE.jwk(alg="PS256"), "RS256"),
        (ONE.jwk(alg="HS256"), "RS256"),
        (ONE.jwk(alg="ES256"), "RS256"),
        (ONE.jwk(alg=None, crv="P-256"), "RS256"),
        (CURVE.jwk(alg="RS256"), "RS256"),
        (CURVE.jwk(crv="P-384"), "RS256"),
        (CURVE.jwk(crv=None), "RS256"),
        (CURVE.jwk(crv=["P-256"]), "text"),
        (Ec(ec.generate_private_key(ec.SECP384R1())).jwk(kid="1"), "RS256"),
        ({"kty": "oct", "k": base64url(SECRET)}, "RS256"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS"}, "RS256"),
        (ONE.jwk(kty=None), "text"),
        (ONE.jwk(kid=7), "kid"),
        (ONE.jwk(kid="x" * 3000), "too long"),
        (ONE.jwk(n="A" * 200_000 + "AQ"), "too long"),
        (ONE.jwk(e=1e308), "broken"),
        (ONE.jwk(e=-1), "broken"),
        (ONE.jwk(n="AQAB"), "b"),
        (ONE.jwk(n=None), "broken"),
        (ONE.jwk(n=[1]), "broken"),
        (ONE.jwk(n="é!"), "broken"),
        (ONE.jwk(e="AQ"), "broken"),
        (ONE.jwk(e="AA"), "broken"),
        (ONE.jwk(e="AQAAAAE"), "exponent"),
        (ONE.jwk(e=base64url(b"\xff" * 128)), "exponent"),
        (CURVE.jwk(x="AQAB"), "broken"),
        (rsa_key("short", 1024).jwk(), "1024 bits"),
        ("key", "object"),
        (None, "object"),
    ],
    ids=range(33),
)
def test_keys_that_are_skipped(key: object, reason: str) -> None:
    """Keys of other kinds, and broken ones, leave the good ones alone."""
    keys = parse_key_set(json.dumps({"keys": [key, TWO.jwk(kid="2")]}).encode())
    assert [each.kid for each in keys.keys] == ["2"]
    (skipped,) = keys.skipped
    assert skipped.startswith("key 1: ")
    assert reason in skipped


@pytest.mark.parametrize(
    ("content", "word"),
    [
        *((content, "not JSON") for content in (b"", b"<html>", b"\xff\xfe")),
        (b"[" * 5000 + b"]" * 5000, "not JSON"),
        *((content, "keys") for content in (b"[]", b"{}", b'{"keys": {}}')),
        (b'{"keys": []}', "no key for"),
        (b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', "no key for"),
        (b'{"keys": [%s0]}' % (b"0," * 40), "more than"),
    ],
    ids=range(10),
)
def test_what_is_no_key_set(content: bytes, word: str) -> None:
    """The error is one line that names the setting."""
    with pytest.raises(NoKeySet) as caught:
        parse_key_set(content)
    assert_one_line(caught, word)


def assert_one_line(caught: pytest.ExceptionInfo[NoKeySet], word: str) -> None:
    text = str(caught.value)
    assert text.startswith("JWT_JWKS: ")
    assert word in text
    assert "\n" not in text


# --- Which key ------------------------------------------------------------------------------
def test_a_token_without_kid_is_tried_with_all_keys() -> None:
    """`kid` is optional (RFC 7515 section 4.1.4); keys may have none either."""
    subject = trusting(SET)
    for key in (ONE, TWO, CURVE):
        assert accepts(key.token(GOOD), subject).subject == "lena"
    refusal(THREE.token(GOOD), subject)
    nameless = trusting({"keys": [ONE.jwk(), TWO.jwk()]})
    assert accepts(TWO.token(GOOD, kid="2"), nameless).subject == "lena"


def test_a_token_is_tried_only_with_the_key_that_it_names() -> None:
    assert "signature" in refusal(TWO.token(GOOD, kid="1"), trusting(SET))


@pytest.mark.parametrize("kid", [7, ["1"], {}, True, 1.5])
def test_a_kid_is_a_text(kid: object) -> None:
    assert "kid" in refusal(ONE.token(GOOD, kid=kid), trusting(SET))


def test_an_unknown_kid_is_told() -> None:
    refresher = Refresher()
    subject = trusting(SET, provider=refresher)
    for token in (ONE.token(GOOD, kid="2"), THREE.token(GOOD), ONE.token(GOOD, kid="c")):
        refusal(token, subject)
    assert refresher.requests == 0
    message = refusal(THREE.token(GOOD, kid="3"), subject)
    assert "kid" in message
    assert "again" in message
    assert refresher.requests == 1


# --- Which algorithm ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "RS384", "RS512", "PS256", "ES384", "ES512", "EdDSA", "dir"]
)
@pytest.mark.parametrize("key", [ONE, CURVE], ids=["RSA", "EC"])
def test_other_algorithms_are_refused(key: Rsa | Ec, alg: str) -> None:
    """Signed or not, and with whichever key."""
    subject = trusting(SET, SECRET)
    token = key.token(GOOD, alg=alg)
    for each in (token, token.rpartition(".")[0] + "."):
        assert "algorithm" in refusal(each, subject)


def test_the_algorithm_is_that_of_the_key() -> None:
    """Whatever a token says of itself."""
    refusal(CURVE.token(GOOD, alg="RS256", kid="c"), trusting(SET))
    for alg, kid in (("ES256", "1"), ("ES256", "c"), ("RS256", "c")):
        refusal(ONE.token(GOOD, alg=alg, kid=kid), trusting(SET))


def public_forms(key: Rsa | Ec) -> list[bytes]:
    """A public key in each form in which somebody may have it."""
    public, form = key.private.public_key(), PublicFormat.SubjectPublicKeyInfo
    jwk = key.jwk(kid="1")
    return [
        public.public_bytes(Encoding.PEM, form),
        public.public_bytes(Encoding.PEM, form).strip(),
        public.public_bytes(Encoding.DER, form),
        json.dumps(jwk).encode(),
        json.dumps(SET).encode(),
        str(jwk.get("n", jwk.get("x"))).encode(),
        b"",
    ]


@pytest.mark.parametrize("key", [ONE, CURVE], ids=["RSA", "EC"])
@pytest.mark.parametrize("secrets", [(), (SECRET,)], ids=["no secret", "a secret"])
def test_public_keys_are_never_secrets(key: Rsa | Ec, secrets: tuple[bytes, ...]) -> None:
    algorithms = ("HS256", "HS384", "HS512")
    subject = trusting(
        SET, *secrets, rules=TokenRules(algorithms=algorithms, provider=ProviderRules())
    )
    for form, alg, kid in product(public_forms(key), algorithms, ("1", "c")):
        refusal(signed(GOOD, {"alg": alg, "kid": kid}, form, alg), subject)


def test_without_a_secret_no_secret_signs() -> None:
    assert "JWT_SECRET" in refusal(signed(GOOD, key=SECRET), trusting(SET))


def test_without_a_provider_no_key_verifies() -> None:
    header = {"jwk": ONE.jwk(), "jku": "https://evil.example/keys", "x5u": "https://evil.example"}
    for subject in (Authenticator([SECRET], TokenRules(), lambda: NOW), trusting(SET)):
        refusal(THREE.token(GOOD, **header | {"jwk": THREE.jwk()}), subject)
    refusal(ONE.token(GOOD, **header), Authenticator([SECRET], TokenRules(), lambda: NOW))


def test_keys_that_are_not_known_yet_are_503() -> None:
    subject = Authenticator([SECRET], RULES, lambda: NOW)
    with pytest.raises(GatewayError) as caught:
        accepts(ONE.token(GOOD, kid="1"), subject)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    assert accepts(signed(GOOD, key=SECRET), subject).subject == "lena"


# --- What a token says ----------------------------------------------------------------------

BOUND = TokenRules(
    audience="old-clients",
    issuer="studio",
    provider=ProviderRules(audience="farm", issuer="https://idp.studio"),
)


def test_tokens_of_secrets_and_of_the_provider_are_bound_apart() -> None:
    subject = trusting(SET, SECRET, rules=BOUND)
    for_secret = GOOD | {"aud": "old-clients", "iss": "studio"}
    for_provider = GOOD | {"aud": ["x", "farm"], "iss": "https://idp.studio"}
    assert accepts(signed(for_secret, key=SECRET), subject).subject == "lena"
    assert accepts(ONE.token(for_provider, kid="1"), subject).subject == "lena"
    refusal(signed(for_provider, key=SECRET), subject)
    refusal(ONE.token(for_secret, kid="1"), subject)
    for claims in (GOOD, GOOD | {"aud": "farm"}, for_provider | {"iss": "https://idp.studio/"}):
        refusal(ONE.token(claims, kid="1"), subject)


def test_claims_are_as_strict_as_with_secrets() -> None:
    for claims, word in (({"sub": "lena"}, "exp"), (GOOD | {"nbf": "soon"}, "nbf")):
        assert word in refusal(CURVE.token(claims, kid="c"), trusting(SET))


def test_a_changed_set_forgets_what_it_has_verified() -> None:
    subject, token = trusting(SET), ONE.token(GOOD, kid="1")
    assert accepts(token, subject) is accepts(token, subject)
    subject.use_keys(parse_key_set(json.dumps({"keys": [TWO.jwk(kid="2")]}).encode()))
    refusal(token, subject)
    assert accepts(TWO.token(GOOD, kid="2"), subject).subject == "lena"
    subject.use_keys(parse_key_set(json.dumps({"keys": [THREE.jwk(kid="1")]}).encode()))
    refusal(token, subject)  # another key under its name


TOKENS = (Path(__file__).parents[3] / "docs" / "tokens.md").read_text(encoding="utf-8")
SHOWS = "/show.ShowInterface/GetShows"


def key_set(*keys: Rsa) -> dict[str, Any]:
    """A set of these keys, which are called 1, 2, …"""
    return {"keys": [key.jwk(kid=str(count)) for count, key in enumerate(keys, 1)]}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the next look."""
    monkeypatch.setattr(module, "SHORTEST_REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine that stands still for a moment is no provider that is away."""
    monkeypatch.setattr(module, "FETCH_TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(app_module, "STARTUP_WAIT_SECONDS", PATIENCE)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FETCH_TIMEOUT_SECONDS", 0.3)


async def status(gateway: Gateway, token: str) -> int:
    """That of a call with this token."""
    answer = await gateway.post(SHOWS, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


def lasting(key: Rsa, **header: object) -> str:
    """A token of the provider that is good for an hour."""
    now = int(time.time())
    return key.token({"sub": "lena", "iat": now, "exp": now + 3600}, **header)


async def until_status(gateway: Gateway, token: str, wanted: int) -> None:
    """Wait until a call with this token has this status."""
    async with asyncio.timeout(PATIENCE):
        while await status(gateway, token) != wanted:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


# --- Loading --------------------------------------------------------------------------------
async def test_a_file(tmp_path: Path) -> None:
    """JWT_JWKS may be a file; what is wrong with it is one line that names both."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(keycloak(ONE, CURVE)))
    keys = await load_key_set(str(file))
    assert [each.kid for each in keys.keys] == ["kc-rsa", "kc-ec"]
    file.write_text(json.dumps(key_set(ONE)) + " " * 300_000)
    with pytest.raises(NoKeySet, match="256 KB"):
        await load_key_set(str(file))
    for spoil in (file.unlink, file.mkdir):
        spoil()
        with pytest.raises(NoKeySet, match=f"JWT_JWKS: .*{file}"):
            await load_key_set(str(file))


async def test_a_url_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate has to be signed by a CA that this machine trusts (SSL_CERT_FILE)."""
    certificate = pair(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with key_server(okta(ONE, TWO), context) as server:
        with pytest.raises(NoKeySet, match=r"cannot be reached.*certificate"):
            await load_key_set(server.url)
        trusted = tmp_path / "ca.pem"
        authority().cert_pem.write_to_path(trusted)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        keys = await load_key_set(server.url)
    assert [each.kid for each in keys.keys] == ["okta-1", "okta-2"]


async def test_http_of_this_machine_uses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see, and could change, what never leaves this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with key_server(key_set(ONE)) as server:
        assert await load_key_set(server.url)


@pytest.mark.parametrize(
    ("status", "body", "headers", "word"),
    [
        (200, b"<html>", (), "not JSON"),
        (200, b"", (), "not JSON"),
        (200, b"{" + b" " * 300_000, (), "more than 256 KB"),
        *((status, b"", (), f"status {status}") for status in (500, 404, 204)),
        (302, b"", ("Location: file:///etc/passwd",), "redirect"),
        (301, b"", ("Location: http://127.0.0.1/x",), "redirect"),
        (200, b"\x1f\x8b", ("Content-Encoding: gzip",), "compressed"),
        *(
            (200, b"{", (header,), "cannot be reached")
            for header in (
                *(f"Content-Length: {size}" for size in (99, -1, "nan", "9" * 5000)),
                *("Transfer-Encoding: rot13", "Transfer-Encoding: chunked\r\nX: y", "x" * 70_000),
            )
        ),
    ],
    ids=range(16),
)
async def test_no_key_set(status: int, body: bytes, headers: tuple[str, ...], word: str) -> None:
    async with key_server() as server:
        server.status, server.body, server.headers = status, body, headers
        with pytest.raises(NoKeySet) as caught:
            await load_key_set(server.url)
    assert_one_line(caught, word)
    assert server.asked == 1
    with pytest.raises(NoKeySet, match="cannot be reached"):
        await load_key_set(server.url)  # where nobody is now


async def test_a_key_set_in_many_small_parts_is_taken_in_turns() -> None:
    body = json.dumps(key_set(ONE)).encode()
    turns = 0

    async def parts() -> AsyncIterator[bytes]:
        for number in range(len(body)):  # none of which waits
            yield body[number : number + 1]

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    before = turns
    response = httpx.Response(200, content=parts())
    assert await content_of(response, "https://idp.studio/certs") == body
    counting.cancel()
    assert turns - before >= len(body) // PARTS_PER_TURN > 5


@pytest.mark.usefixtures("impatient")
async def test_a_provider_that_does_not_answer_is_not_waited_for() -> None:
    async with key_server(key_set(ONE)) as server:
        server.answers.clear()
        with pytest.raises(NoKeySet, match="did not answer within"):
            await load_key_set(server.url)
        server.answers.set()
        server.drips = True
        with pytest.raises(NoKeySet, match="did not answer within"):
            await load_key_set(server.url)


# --- Following ------------------------------------------------------------------------------
@dataclass
class KeyUser:
    """Notes the key sets that it gets."""

    got: list[KeySet | None] = field(default_factory=list)

    def use_keys(self, keys: KeySet | None) -> None:
        self.got.append(keys)


async def test_the_same_set_is_told_once() -> None:
    async with key_server(key_set(ONE)) as server:
        provider, user = Provider(server.url), KeyUser()
        for _ in range(3):
            await provider.refresh(user)
        assert len(user.got) == 1
        server.has(key_set(ONE, TWO))
        await provider.refresh(user)
        assert [len(keys.keys) for keys in user.got if keys] == [1, 2]
        server.has(key_set(ONE, THREE))
        await provider.refresh(user)
        assert len(user.got) == 3


async def test_the_last_good_set_is_kept() -> None:
    async with key_server(key_set(ONE)) as server:
        provider, user = Provider(server.url), KeyUser()
        await provider.refresh(user)
        with capture_logs() as lines:
            for body in (b"<html>", b"<html>", b'{"keys": []}'):
                server.has(body)
                await provider.refresh(user)
            server.has(key_set(ONE))
            await provider.refresh(user)
    assert provider.keys is user.got[0]
    assert len(user.got) == 1
    assert [line["log_level"] for line in lines] == ["error", "error", "info"]


async def test_what_comes_too_late_is_not_taken() -> None:
    async with key_server(key_set(ONE)) as server:
        provider, user = Provider(server.url), KeyUser()
        server.answers.clear()
        looking = asyncio.create_task(provider.refresh(user))
        await server.asked_more_than(0)
        provider.follow(None, None)
        server.answers.set()
        await looking
    assert (user.got, provider.keys) == ([], None)


# --- In a gateway ---------------------------------------------------------------------------
@asynccontextmanager
async def provided(
    cuebot: ScriptedCuebot, document: Document, **more: Any
) -> AsyncIterator[tuple[KeyServer, Gateway]]:
    """An identity provider with these keys, and a gateway that takes its tokens."""
    async with (
        key_server(document) as server,
        gateway_for(cuebot.endpoint, jwt_jwks=server.url, **more) as gateway,
    ):
        yield server, gateway


async def test_a_gateway_with_a_provider_alone(cuebot: ScriptedCuebot) -> None:
    """The keys are there when it has started; it needs no secret, and takes no token of one."""
    async with provided(cuebot, keycloak(ONE, CURVE), jwt_secret=None) as (_, gateway):
        assert await status(gateway, lasting(ONE, kid="kc-rsa")) == 200
        assert await status(gateway, lasting(TWO, kid="kc-rsa")) == 403
        assert (await gateway.post(SHOWS)).status_code == 403  # its client has a secret
        assert [metadata["x-gateway-principal"] for *_, metadata in cuebot.seen] == ["lena"]


async def test_the_start_waits_for_the_keys(cuebot: ScriptedCuebot) -> None:
    async with key_server(key_set(ONE)) as server:
        server.answers.clear()
        async with gateway_for(cuebot.endpoint, ready=False, jwt_jwks=server.url) as gateway:
            asking = asyncio.create_task(status(gateway, lasting(ONE, kid="1")))
            await server.asked_more_than(0)
            await gateway.app.parts.live.wait()
            assert not gateway.server.started
            assert not asking.done()
            server.answers.set()
            assert await asking == 200


@pytest.mark.usefixtures("hurried")
async def test_a_rotation(cuebot: ScriptedCuebot) -> None:
    """A token of a new key makes the gateway look; then it passes, and those of the old do not."""
    async with provided(cuebot, key_set(ONE)) as (server, gateway):
        old = lasting(ONE, kid="1")
        assert await status(gateway, old) == 200
        server.has({"keys": [TWO.jwk(kid="2")]})
        await until_status(gateway, lasting(TWO, kid="2"), 200)
        assert await status(gateway, old) == 403


async def test_unknown_keys_make_few_requests(cuebot: ScriptedCuebot) -> None:
    async with provided(cuebot, key_set(ONE)) as (server, gateway):
        for count in range(50):
            assert await status(gateway, lasting(THREE, kid=f"x{count}")) == 403
        assert server.asked == 1
        assert await status(gateway, lasting(ONE, kid="1")) == 200


@pytest.mark.usefixtures("hurried")
async def test_a_provider_that_is_away_at_the_start(cuebot: ScriptedCuebot) -> None:
    async with key_server() as server:
        server.status = 503
        async with gateway_for(cuebot.endpoint, jwt_jwks=server.url) as gateway:
            assert (await gateway.post(SHOWS)).status_code == 200  # secrets need no provider
            assert await status(gateway, lasting(ONE, kid="1")) == 503
            server.has(key_set(ONE))
            await until_status(gateway, lasting(ONE, kid="1"), 200)


def test_a_file_that_is_no_key_set_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="JWT_JWKS"):
        create_app(settings_for("127.0.0.1:1", jwt_jwks=str(tmp_path / "none")))


# --- SIGHUP ---------------------------------------------------------------------------------
async def test_a_reload_fetches_the_keys_anew(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(key_set(ONE)))
    tokens = [lasting(key, kid="1") for key in (ONE, TWO)]
    async with key_server(key_set(TWO)) as server, gateway_for(cuebot.endpoint) as gateway:
        part = next(each for each in gateway.app.reloadable if each.follows("jwt_jwks"))

        async def statuses(source: str | None) -> list[int]:
            settings = settings_for(cuebot.endpoint, jwt_jwks=source)
            (await asyncio.to_thread(part.prepare, settings))()
            return [await status(gateway, token) for token in tokens]

        assert await statuses(None) == [403, 403]
        assert await statuses(str(file)) == [200, 403]
        assert await statuses(server.url) == [403, 200]
        server.status = 500
        assert await statuses(server.url) == [403, 200]  # the same place, which is away
        file.unlink()
        with pytest.raises(ConfigurationError, match="JWT_JWKS"):
            await statuses(str(file))
        assert [await status(gateway, token) for token in tokens] == [403, 200]
        assert await statuses(None) == [403, 403]


# --- What the documentation says ------------------------------------------------------------


LOGIN = "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("heading", "document", "kid", "claims", "subject"),
    [
        (
            *("Keycloak", keycloak(ONE, CURVE), "kc-rsa"),
            {
                "iss": "https://keycloak.studio/realms/studio",
                "aud": ["cuebot-gateway", "account"],
                "sub": "8f7d1b1e-7f0c-4f57-9a33-000000000001",
                "preferred_username": "lena",
                "realm_access": {"roles": ["artist"]},
            },
            "lena",
        ),
        (
            *("Okta", okta(ONE, TWO), "okta-1"),
            {
                "iss": "https://studio.okta.com/oauth2/default",
                "aud": "api://default",
                "sub": "lena@studio.com",
                "scp": ["farm"],
            },
            "lena@studio.com",
        ),
        (
            *("Entra ID", entra(ONE, TWO, THREE), "entra-1"),
            {
                "iss": f"{LOGIN}/11111111-2222-3333-4444-555555555555/v2.0",
                "aud": "66666666-7777-8888-9999-000000000000",
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
                "preferred_username": "lena@studio.com",
            },
            "lena@studio.com",
        ),
    ],
    ids=["Keycloak", "Okta", "Entra"],
)
def test_the_configurations_in_the_documentation(
    heading: str, document: Any, kid: str, claims: dict[str, Any], subject: str, tmp_path: Path
) -> None:
    """Each takes a token as its provider makes it, and none for others or of others."""
    section = TOKENS.partition(f"## {heading}\n")[2]
    config = tmp_path / "gateway.toml"
    config.write_text(section.partition("```toml\n")[2].partition("```")[0])
    settings = load_settings({"GATEWAY_CONFIG": str(config)})
    assert unbound(settings) == []
    keys = parse_key_set(json.dumps(document).encode())
    authenticator = Authenticator(load_secrets(settings), token_rules(settings), keys=keys)
    now = int(time.time())
    claims = claims | {"iat": now, "nbf": now, "exp": now + 300, "jti": "onrtro"}
    assert accepts(ONE.token(claims, kid=kid), authenticator).subject == subject
    for other in ({"aud": "account"}, {"iss": claims["iss"].replace("studio", "x", 1) + "x"}):
        refusal(ONE.token(claims | other, kid=kid), authenticator)


# --- Warnings -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ({"jwt_jwks": "keys.json"}, ["JWT_ISSUER", "JWT_AUDIENCE"]),
        ({"jwt_jwks": "keys.json", "jwt_issuer": "x"}, ["JWT_AUDIENCE"]),
        ({"jwt_jwks": "keys.json", "jwt_issuer": "x", "jwt_audience": "y"}, []),
    ],
)
def test_a_provider_whose_tokens_are_not_bound(given: dict[str, str], names: list[str]) -> None:
    """Its tokens for other applications, or of other tenants, would do: a warning says so."""
    warnings = unbound(Settings.model_validate(given))
    assert [warning.rpartition(" ")[2] for warning in warnings] == names


LOCAL = ("http://localhost:8080/certs", "http://127.0.0.1/certs", "http://[::1]:8080/certs")
REMOTE = ("https://login.example.com/common/v2.0/keys", "https://idp.studio:8443/certs")


ELSEWHERE = (
    *("http://idp.studio/certs", "http://10.0.0.1/certs", "http://127.0.0.1.evil.example/certs"),
    *("http://localhost.evil.example/certs", "ftp://localhost/certs", "file:///etc/keys.json"),
    *("https://user:password@idp.studio/certs", "https://", "https://idp.studio:99999/certs"),
    *("https://idp.studio/a b", "https://idp.studio/\n", "", " "),
)


def test_where_keys_may_be() -> None:
    for source in (*LOCAL, *REMOTE, "/etc/cuebot-gateway/keys.json", "keys.json"):
        assert Settings.model_validate({"jwt_jwks": source}).jwt_jwks == source
    for source in ELSEWHERE:
        with pytest.raises(ValueError, match="expected a file or an https URL"):
            Settings.model_validate({"jwt_jwks": source})


def test_fetching_keys_is_no_line_in_the_log() -> None:
    ran = in_process("token", "--sub", "me", JWT_SECRET=SERVERS_SECRET)  # sets up the log
    assert ran.status == 0
    for name in ("httpx", "httpcore"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
