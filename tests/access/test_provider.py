"""The keys of an identity provider: fetched, kept, and followed while they change."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway import app as app_module
from gateway.access import provider as module
from gateway.access.key_set import KeySet, NoKeySet, parse_key_set
from gateway.access.keys import load_secrets
from gateway.access.provider import (
    PARTS_PER_TURN,
    Provider,
    content_of,
    load_key_set,
    unbound,
)
from gateway.access.tokens import Authenticator, token_rules
from gateway.app import create_app
from gateway.errors import ConfigurationError, GatewayError
from gateway.settings.loading import load_settings
from gateway.settings.model import Settings
from tests.support.certificates import authority, pair
from tests.support.commands import in_process
from tests.support.patience import PATIENCE
from tests.support.provider import Rsa, ec_key, entra, key_server, keycloak, okta, rsa_key
from tests.support.servers import SECRET, Gateway, ScriptedCuebot, gateway_for, settings_for

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = rsa_key("one"), rsa_key("two"), rsa_key("three")
CURVE = ec_key("curve")
TOKENS = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text(encoding="utf-8")
SHOWS = "/show.ShowInterface/GetShows"


def key_set(*keys: Rsa) -> dict[str, Any]:
    """A set of these keys, which are called 1, 2, …"""
    return {"keys": [key.jwk(kid=str(count)) for count, key in enumerate(keys, 1)]}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the next look."""
    monkeypatch.setattr(module, "SOONEST", 0.01)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine that stands still for a moment is no provider that is away."""
    monkeypatch.setattr(module, "TIMEOUT", PATIENCE)
    monkeypatch.setattr(app_module, "FIRST_KEYS", PATIENCE)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.3)


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
    for spoil in (file.unlink, file.mkdir):
        spoil()
        with pytest.raises(NoKeySet, match=f"JWT_JWKS: .*{file}"):
            await load_key_set(str(file))


async def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(key_set(ONE)) + " " * 300_000)
    with pytest.raises(NoKeySet, match="256 KB"):
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
        pytest.param(200, b"<html>", (), "not JSON", id="a page"),
        pytest.param(200, b"", (), "not JSON", id="nothing"),
        pytest.param(200, b"{" + b" " * 300_000, (), "more than 256 KB", id="huge"),
        pytest.param(500, b"", (), "status 500", id="500"),
        pytest.param(404, b"", (), "status 404", id="404"),
        pytest.param(204, b"", (), "status 204", id="204"),
        pytest.param(302, b"", ("Location: file:///etc/passwd",), "redirect", id="to a file"),
        pytest.param(301, b"", ("Location: http://127.0.0.1/x",), "redirect", id="to http"),
        pytest.param(200, b"\x1f\x8b", ("Content-Encoding: gzip",), "compressed", id="gzip"),
        pytest.param(200, b"{", ("Content-Length: 99",), "cannot be reached", id="cut off"),
        pytest.param(200, b"", ("x" * 70_000,), "cannot be reached", id="no HTTP"),
    ],
)
async def test_answers_that_are_no_key_set(
    status: int, body: bytes, headers: tuple[str, ...], word: str
) -> None:
    """Each is an error of one line that names the setting, the URL and the reason."""
    async with key_server() as server:
        server.status, server.body, server.headers = status, body, headers
        with pytest.raises(NoKeySet) as caught:
            await load_key_set(server.url)
    text = str(caught.value)
    assert text.startswith("JWT_JWKS: ")
    assert word in text
    assert "\n" not in text
    assert server.asked == 1


@pytest.mark.parametrize(
    "header",
    [
        "Cache-Control: max-age=-1",
        "Cache-Control: max-age=1e400",
        f"Cache-Control: max-age={'9' * 4000}",
        "Retry-After: -5",
        "Retry-After: nan",
        "Age: inf",
        "Expires: 0",
        "Date: Mon, 99 Foo 99999 99:99:99 GMT",
        "ETag: " + "x" * 4000,
    ],
)
@pytest.mark.parametrize("status", [200, 503])
async def test_times_that_a_provider_names_change_nothing(header: str, status: int) -> None:
    """The gateway looks again when it says so itself."""
    async with key_server() as server:
        server.status, server.headers = status, (header,)
        server.body = json.dumps(key_set(ONE)).encode()
        if status == 200:
            assert len((await load_key_set(server.url)).keys) == 1
        else:
            with pytest.raises(NoKeySet, match="status 503"):
                await load_key_set(server.url)


@pytest.mark.parametrize(
    "header",
    [
        "Content-Length: -1",
        "Content-Length: nan",
        f"Content-Length: {'9' * 5000}",
        "Transfer-Encoding: rot13",
        "Transfer-Encoding: chunked\r\nX: y",
    ],
)
async def test_a_length_that_is_none_is_no_key_set(header: str) -> None:
    """Whatever the HTTP library raises for it."""
    async with key_server() as server:
        server.headers, server.body = (header,), json.dumps(key_set(ONE)).encode()
        with pytest.raises(NoKeySet, match="cannot be reached"):
            await load_key_set(server.url)


async def test_a_key_set_in_many_small_parts_is_taken_in_turns() -> None:
    """Others have theirs, although all of them have come with one read."""
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
    """The time that it may take is bounded, whatever it has sent by then."""
    async with key_server(key_set(ONE)) as server:
        server.answers.clear()
        with pytest.raises(NoKeySet, match="did not answer within"):
            await load_key_set(server.url)
        server.answers.set()
        server.drips = True
        with pytest.raises(NoKeySet, match="did not answer within"):
            await load_key_set(server.url)


async def test_nobody_there() -> None:
    async with key_server() as server:
        url = server.url
    with pytest.raises(NoKeySet, match="cannot be reached"):
        await load_key_set(url)


# --- Following ------------------------------------------------------------------------------


def provider_of(url: str) -> tuple[Provider, list[KeySet]]:
    """One that notes the sets that it tells of."""
    told: list[KeySet] = []
    return Provider(url, None, told.append), told


async def test_the_same_set_is_told_once() -> None:
    """Principals are not forgotten with each look, only when a key is another one."""
    async with key_server(key_set(ONE)) as server:
        provider, told = provider_of(server.url)
        for _ in range(3):
            await provider.refresh()
        assert len(told) == 1
        server.has(key_set(ONE, TWO))
        await provider.refresh()
        assert [len(keys.keys) for keys in told] == [1, 2]
        server.has(key_set(ONE, THREE))
        await provider.refresh()
        assert len(told) == 3


async def test_the_last_good_set_is_kept() -> None:
    """While the provider is away, or talks nonsense; the log says so once, and when it is over."""
    async with key_server(key_set(ONE)) as server:
        provider, told = provider_of(server.url)
        await provider.refresh()
        with capture_logs() as lines:
            for body in (b"<html>", b"<html>", b'{"keys": []}'):
                server.has(body)
                await provider.refresh()
            server.has(key_set(ONE))
            await provider.refresh()
    assert provider.keys is told[0]
    assert len(told) == 1
    assert [line["log_level"] for line in lines] == ["error", "error", "info"]


async def test_what_comes_too_late_is_not_taken() -> None:
    """An answer of a provider that has been replaced meanwhile changes nothing."""
    async with key_server(key_set(ONE)) as server:
        provider, told = provider_of(server.url)
        server.answers.clear()
        looking = asyncio.create_task(provider.refresh())
        await server.asked_more_than(0)
        provider.follow(None, None)
        server.answers.set()
        await looking
    assert (told, provider.keys) == ([], None)


# --- In a gateway ---------------------------------------------------------------------------


async def test_a_gateway_with_a_provider_alone(cuebot: ScriptedCuebot) -> None:
    """The keys are there when it has started; it needs no secret, and takes no token of one."""
    async with (
        key_server(keycloak(ONE, CURVE)) as server,
        gateway_for(cuebot.endpoint, jwt_secret=None, jwt_jwks=server.url) as gateway,
    ):
        assert await status(gateway, lasting(ONE, kid="kc-rsa")) == 200
        assert await status(gateway, lasting(TWO, kid="kc-rsa")) == 403
        assert (await gateway.post(SHOWS)).status_code == 403  # its client has a secret
        assert [metadata["x-gateway-principal"] for *_, metadata in cuebot.seen] == ["lena"]


async def test_the_start_waits_for_the_keys(cuebot: ScriptedCuebot) -> None:
    """The first client that connects can have a token of the provider."""
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
    async with (
        key_server(key_set(ONE)) as server,
        gateway_for(cuebot.endpoint, jwt_jwks=server.url) as gateway,
    ):
        old = lasting(ONE, kid="1")
        assert await status(gateway, old) == 200
        server.has({"keys": [TWO.jwk(kid="2")]})
        await until_status(gateway, lasting(TWO, kid="2"), 200)
        assert await status(gateway, old) == 403


async def test_unknown_keys_make_few_requests(cuebot: ScriptedCuebot) -> None:
    """However many tokens name keys that nobody knows, the provider is not asked each time."""
    async with (
        key_server(key_set(ONE)) as server,
        gateway_for(cuebot.endpoint, jwt_jwks=server.url) as gateway,
    ):
        for count in range(50):
            assert await status(gateway, lasting(THREE, kid=f"x{count}")) == 403
        assert server.asked == 1
        assert await status(gateway, lasting(ONE, kid="1")) == 200


@pytest.mark.usefixtures("hurried")
async def test_an_outage(cuebot: ScriptedCuebot) -> None:
    """Keys are kept while the provider is away, and requests do not wait for it."""
    async with (
        key_server(key_set(ONE)) as server,
        gateway_for(cuebot.endpoint, jwt_jwks=server.url) as gateway,
    ):
        server.answers.clear()
        assert await status(gateway, lasting(THREE, kid="unknown")) == 403
        await server.asked_more_than(1)  # and it does not answer
        assert await status(gateway, lasting(ONE, kid="1")) == 200
        assert await status(gateway, lasting(THREE, kid="unknown")) == 403
        server.status = 503
        server.answers.set()
        await server.asked_more_than(3)
        assert await status(gateway, lasting(ONE, kid="1")) == 200


@pytest.mark.usefixtures("hurried")
async def test_a_provider_that_is_away_at_the_start(cuebot: ScriptedCuebot) -> None:
    """The gateway starts, answers 503 to the provider's tokens, and takes them later."""
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
    """From a file, from a URL, from none: what is verified follows, and is forgotten."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(key_set(ONE)))
    tokens = [lasting(key, kid="1") for key in (ONE, TWO)]
    async with key_server(key_set(TWO)) as server, gateway_for(cuebot.endpoint) as gateway:
        part = next(each for each in gateway.app.parts.reloadable if each.follows("jwt_jwks"))

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

TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("heading", "document", "kid", "claims", "subject"),
    [
        pytest.param(
            "Keycloak",
            keycloak(ONE, CURVE),
            "kc-rsa",
            {
                "iss": "https://keycloak.studio/realms/studio",
                "aud": ["cuebot-gateway", "account"],
                "sub": "8f7d1b1e-7f0c-4f57-9a33-000000000001",
                "typ": "Bearer",
                "azp": "pipeline",
                "preferred_username": "lena",
                "realm_access": {"roles": ["artist"]},
            },
            "lena",
            id="Keycloak",
        ),
        pytest.param(
            "Okta",
            okta(ONE, TWO),
            "okta-1",
            {
                "iss": "https://studio.okta.com/oauth2/default",
                "aud": "api://default",
                "sub": "lena@studio.com",
                "ver": 1,
                "cid": "0oa1",
                "scp": ["farm"],
            },
            "lena@studio.com",
            id="Okta",
        ),
        pytest.param(
            "Entra ID",
            entra(ONE, TWO, THREE),
            "entra-1",
            {
                "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
                "aud": "66666666-7777-8888-9999-000000000000",
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
                "oid": "00000000-0000-0000-66f3-3332eca7ea81",
                "preferred_username": "lena@studio.com",
                "ver": "2.0",
            },
            "lena@studio.com",
            id="Entra",
        ),
    ],
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

    def subject_of(claims: dict[str, Any]) -> str:
        token = ONE.token(claims, kid=kid)
        return authenticator.authenticate(f"Bearer {token}".encode()).subject

    assert subject_of(claims) == subject
    for other in ({"aud": "account"}, {"iss": claims["iss"].replace("studio", "x", 1) + "x"}):
        with pytest.raises(GatewayError) as caught:
            subject_of(claims | other)
        assert caught.value.status == 403


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


@pytest.mark.parametrize(
    "source",
    [
        "https://login.microsoftonline.com/common/discovery/v2.0/keys",
        "https://idp.studio:8443/certs",
        "http://localhost:8080/certs",
        "http://127.0.0.1/certs",
        "http://[::1]:8080/certs",
        "/etc/cuebot-gateway/keys.json",
        "keys.json",
    ],
)
def test_where_keys_may_be(source: str) -> None:
    assert Settings.model_validate({"jwt_jwks": source}).jwt_jwks == source


@pytest.mark.parametrize(
    "source",
    [
        "http://idp.studio/certs",
        "http://127.0.0.1.evil.example/certs",
        "http://localhost.evil.example/certs",
        "http://10.0.0.1/certs",
        "ftp://localhost/certs",
        "file:///etc/keys.json",
        "https://user:password@idp.studio/certs",
        "https://",
        "https://idp.studio:99999/certs",
        "https://idp.studio/a b",
        "https://idp.studio/\n",
        "",
        " ",
    ],
)
def test_where_keys_may_not_be(source: str) -> None:
    """Nobody on the network may be able to put other keys there; nothing is shown of a password."""
    with pytest.raises(ValueError, match="expected a file or an https URL"):
        Settings.model_validate({"jwt_jwks": source})


def test_fetching_keys_is_no_line_in_the_log() -> None:
    """The client's own lines, one for each look, are not the gateway's; its warnings are."""
    ran = in_process("token", "--sub", "me", JWT_SECRET=SECRET)  # sets up the log
    assert ran.status == 0
    for name in ("httpx", "httpcore"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
