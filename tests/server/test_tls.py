"""HTTPS: what is spoken, what stops a start, and certificates that change while they are used."""

import asyncio
import os
import signal
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.errors import ConfigurationError
from gateway.features.settings import Settings
from gateway_cli.serving.listen import load_certificate
from tests.support.certificates import Pair, pair, serial, trusting
from tests.support.commands import OPENCUE, assert_one_line, child, in_process
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE
from tests.support.patience import until as eventually
from tests.support.processes import GET_SHOWS, Instance, instance, until
from tests.support.servers import (
    SECRET,
    Gateway,
    ScriptedCuebot,
    gateway_for,
    head,
    settings_for,
)
from tests.support.wire import wire

GET_JOBS = "/job.JobInterface/GetJobs"
CALL = head(GET_SHOWS, "Content-Length: 0")
SERVE = {"JWT_SECRET": SECRET, "DESCRIPTOR_SOURCE": OPENCUE}
SERVE |= {"REST_HOST": "127.0.0.1", "REST_PORT": "0"}


def settings(made: Pair) -> Settings:
    return settings_for("127.0.0.1:1", **made.settings)


# --- pairs that cannot be used ----------------------------------------------------------------


def a_folder(made: Pair) -> None:
    made.key.unlink()
    made.key.mkdir()


def another_key(made: Pair) -> None:
    certificate = made.certificate.read_bytes()
    made.renew()
    made.certificate.write_bytes(certificate)


def without_lines(made: Pair) -> None:
    lines = made.certificate.read_bytes().splitlines(keepends=True)
    made.certificate.write_bytes(b"".join([*lines[:3], *lines[5:]]))


Spoil = Callable[[Pair], object]
NO_PEM = bytes(range(256))
BROKEN: dict[str, tuple[Spoil, str, str]] = {
    "no file": (lambda p: p.certificate.unlink(), "TLS_CERT_FILE", "cert.pem: No such file"),
    "no key": (lambda p: p.key.unlink(), "TLS_KEY_FILE", "key.pem: No such file"),
    "a folder": (a_folder, "TLS_KEY_FILE", "key.pem: Is a directory"),
    "another key": (another_key, "TLS_KEY_FILE", "is not the key of TLS_CERT_FILE"),
    "expired": (lambda p: p.renew(days=-0.01), "TLS_CERT_FILE", "cert.pem has expired on 20"),
    "early": (lambda p: p.renew(began=-0.01), "TLS_CERT_FILE", "is not valid before 20"),
    "no PEM": (lambda p: p.certificate.write_bytes(NO_PEM), "TLS_CERT_FILE", "no certificate"),
    "a key, no PEM": (lambda p: p.key.write_bytes(NO_PEM), "TLS_KEY_FILE", "no key in "),
    "empty": (lambda p: p.certificate.write_bytes(b""), "TLS_CERT_FILE", "no certificate in "),
    "an empty key": (lambda p: p.key.write_bytes(b""), "TLS_KEY_FILE", "no key in "),
    "only a key": (lambda p: p.key.replace(p.certificate), "TLS_CERT_FILE", "no certificate"),
    "broken": (without_lines, "TLS_CERT_FILE", "no certificate in "),
    "locked": (lambda p: p.renew(password=b"x"), "TLS_KEY_FILE", "locked with a passphrase"),
}


@pytest.mark.parametrize(("spoil", "name", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_pairs(tmp_path: Path, spoil: Spoil, name: str, words: str) -> None:
    made = pair(tmp_path)
    spoil(made)
    with pytest.raises(ConfigurationError) as raised:
        load_certificate(settings(made))
    assert str(raised.value).startswith(f"{name}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_key_is_one_line(tmp_path: Path) -> None:
    made = pair(tmp_path)
    made.key.chmod(0)
    with pytest.raises(ConfigurationError, match=r"TLS_KEY_FILE: .*key.pem: Permission denied"):
        load_certificate(settings(made))


@pytest.mark.parametrize("name", ["tls_cert_file", "tls_key_file"])
def test_half_a_pair_is_refused(tmp_path: Path, name: str) -> None:
    given = {name: pair(tmp_path).settings[name]}
    with pytest.raises(ConfigurationError, match=r"TLS_(CERT|KEY)_FILE: .*beside it"):
        load_certificate(settings_for("127.0.0.1:1", **given))


@pytest.mark.slow
def test_an_expired_certificate_stops_the_start_of_workers(tmp_path: Path) -> None:
    made = pair(tmp_path)
    made.renew(days=-0.01)
    ran = child("serve", **SERVE, **made.environ, WORKERS="2")
    assert ran.status == 2
    assert_one_line(ran, "TLS_CERT_FILE", "has expired")


@pytest.mark.slow
def test_an_end_that_is_near_is_warned_about(tmp_path: Path) -> None:
    for days, said in ((13, True), (15, False)):
        made = pair(tmp_path, days=days)
        ran = in_process("check", **SERVE, CUEBOT_ENDPOINT="127.0.0.1:1", **made.environ)
        assert (b"expires" in ran.out and b"TLS_CERT_FILE" in ran.out) == said, ran.out
        with capture_logs() as lines:
            load_certificate(settings(made))
        assert [line.get("file") for line in lines] == [str(made.certificate)] * said


@pytest.mark.slow
def test_check_fails(tmp_path: Path) -> None:
    made = pair(tmp_path)
    another_key(made)
    ran = in_process("check", JWT_SECRET=SECRET, DESCRIPTOR_SOURCE=OPENCUE, **made.environ)
    assert ran.status != 0
    assert "TLS_KEY_FILE: " in ran.text + ran.err
    assert "is not the key of TLS_CERT_FILE" in ran.text + ran.err
    assert "Traceback" not in ran.text + ran.err


# --- what is spoken ---------------------------------------------------------------------------
def https(cuebot: ScriptedCuebot, made: Pair, **more: Any) -> AbstractAsyncContextManager[Gateway]:
    """A gateway with this pair."""
    return gateway_for(cuebot.endpoint, **more, **dict[str, Any](made.settings))


async def ask(gateway: Gateway, tls: ssl.SSLContext | None, sent: bytes = CALL) -> bytes:
    """The first bytes of an answer."""
    async with wire(gateway, ssl=tls) as one, asyncio.timeout(PATIENCE):
        await one.send(sent)
        return await one.reader.read(4096)


@pytest.mark.anyio
async def test_both_versions_and_http_1_1(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """A client that would rather speak HTTP/2 is told so in the handshake (ALPN)."""
    async with https(cuebot, pair(tmp_path)) as gateway:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert (await ask(gateway, trusting(version))).startswith(b"HTTP/1.1 200 ")
        tls = trusting()
        tls.set_alpn_protocols(["h2", "http/1.1"])
        async with wire(gateway, ssl=tls) as one:
            chosen = one.writer.get_extra_info("ssl_object").selected_alpn_protocol()
    assert chosen == "http/1.1"


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_older_tls_and_no_tls_are_refused(
    cuebot: ScriptedCuebot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = trusting()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with https(cuebot, pair(tmp_path)) as gateway:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await ask(gateway, old)
        with suppress(ConnectionError):
            assert b"200" not in await ask(gateway, None)
        assert b" 200 " in await ask(gateway, trusting())
    assert not [each for each in caplog.records if each.exc_info]


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_stalled_handshake_is_let_go(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    async with https(cuebot, pair(tmp_path), http_timeout=1) as gateway:
        for sent in (b"", b"\x16\x03\x01\x02"):
            async with wire(gateway) as one:
                await one.send(sent)
                assert await one.rest() == b""


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("farewell", ["abort", "close"])
async def test_a_client_that_hangs_up(
    cuebot: ScriptedCuebot, tmp_path: Path, caplog: pytest.LogCaptureFixture, farewell: str
) -> None:
    cuebot.answers(GET_JOBS, jobs(20_000))
    called, release = cuebot.holds(GET_SHOWS)
    async with https(cuebot, pair(tmp_path)) as gateway:
        for sent in (CALL, head(GET_JOBS, "Content-Length: 0")):
            async with wire(gateway, ssl=trusting(), limit=1024) as one:
                await one.send(sent)
                if sent is CALL:
                    await called.wait()
                else:
                    assert b" 200 " in await one.reader.readline()
                getattr(one.writer.transport, farewell)()
        release.set()
        connections = gateway.server.connections
        await eventually(lambda: not connections)
    assert not [each for each in caplog.records if each.exc_info or each.levelname == "ERROR"]


# --- certificates that change -----------------------------------------------------------------
def shown(gateway: Instance) -> int:
    """The serial number of the certificate that a new connection sees."""
    with gateway.wire() as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)
        return serial(wire.socket.getpeercert(binary_form=True))


@pytest.mark.slow
def test_sighup_shows_a_new_certificate(cuebot_process: str, tmp_path: Path) -> None:
    """Each worker does; what one process alone does is tested with broken pairs."""
    made = pair(tmp_path)
    environ = made.environ | {"WORKERS": "2"}
    with instance(cuebot_process, environ, tls=trusting()) as gateway, gateway.wire() as old:
        before = shown(gateway)
        assert before == made.serial
        assert old.ask().status == 200
        made.renew()
        assert shown(gateway) == before
        gateway.send_signal(signal.SIGHUP)
        until(lambda: {shown(gateway) for _ in range(8)} == {made.serial}, "the new one is shown")
        assert old.ask().status == 200
        gateway.stops()


@pytest.mark.slow
def test_sighup_with_a_broken_pair_keeps_the_old_one(cuebot_process: str, tmp_path: Path) -> None:
    made = pair(tmp_path)
    with instance(cuebot_process, made.environ, tls=trusting()) as gateway:
        before = shown(gateway)
        for number, name in enumerate(("no file", "another key", "expired"), start=1):
            spoil, _, words = BROKEN[name]
            spoil(made)
            gateway.send_signal(signal.SIGHUP)
            assert words in gateway.event('"level":"error"', number)["problem"]
            assert shown(gateway) == before
            made.renew()
        gateway.send_signal(signal.SIGHUP)
        until(lambda: shown(gateway) == made.serial, "the new one is shown")
        assert (len(gateway.events('"level":"error"')), gateway.ask().status) == (3, 200)


@pytest.mark.slow
def test_other_files_may_be_named(cuebot_process: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    one, two = map(pair, folders)
    config = tmp_path / "gateway.toml"

    def write(named: Pair) -> None:
        config.write_text("".join(f'{key} = "{value}"\n' for key, value in named.settings.items()))

    write(one)
    with instance(cuebot_process, GATEWAY_CONFIG=str(config), tls=trusting()) as gateway:
        assert shown(gateway) == one.serial
        write(two)
        gateway.send_signal(signal.SIGHUP)
        until(lambda: shown(gateway) == two.serial, "the new one is shown")
        config.write_text("")
        gateway.send_signal(signal.SIGHUP)
        assert "restart" in gateway.event('"level":"error"')["problem"]
        assert shown(gateway) == two.serial
