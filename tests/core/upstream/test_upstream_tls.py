"""TLS to Cuebot, with real certificates: who is trusted, who is not, and what people are told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from structlog.testing import capture_logs

from gateway.core.errors import Code, ConfigurationError
from gateway.core.upstream.cuebot import open_upstream, tls_of
from gateway.core.upstream.interface import CallFailed, Reason, UpstreamCall
from gateway.features.settings import Settings
from gateway_cli.checks import run_checks
from gateway_cli.client.cuebot import cuebot_client
from gateway_client.arguments import Arguments
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until
from tests.support.servers import ON_EACH_TRANSPORT, running_cuebot, running_gateway, settings_for
from tests.support.two_versions import ECHO, OLD, ChangingCuebot, own_word

pytestmark = list(ON_EACH_TRANSPORT)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOBODY = "127.0.0.1:1"


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and the files of those whom it certifies."""

    folder: Path
    ca: trustme.CA

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.written("ca.pem", self.ca.cert_pem.bytes())

    def written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path

    def client(self) -> dict[str, Path]:
        """The settings of a gateway with a certificate of its own."""
        issued = self.ca.issue_cert("gateway@studio.example")
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        return {
            "cuebot_cert_file": self.written("client.pem", chain),
            "cuebot_key_file": self.written("client.key", issued.private_key_pem.bytes()),
        }

    def server(
        self, name: str = "127.0.0.1", *, ends: datetime | None = None, wants_client: bool = False
    ) -> grpc.ServerCredentials:
        """What a Cuebot of this name needs."""
        issued = self.ca.issue_cert(name, not_after=ends)
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        roots = self.ca.cert_pem.bytes() if wants_client else None
        return grpc.ssl_server_credentials(
            [(issued.private_key_pem.bytes(), chain)], roots, wants_client
        )


@pytest.fixture
def studio(tmp_path: Path) -> Authority:
    """The CA that the gateway is to trust."""
    (tmp_path / "studio").mkdir()
    return Authority(tmp_path / "studio", trustme.CA())


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Another CA."""
    (tmp_path / "stranger").mkdir()
    return Authority(tmp_path / "stranger", trustme.CA())


@asynccontextmanager
async def cuebot_with(credentials: grpc.ServerCredentials | None) -> AsyncIterator[ChangingCuebot]:
    """A Cuebot that describes itself and echoes, over TLS if there are credentials."""
    cuebot = ChangingCuebot()
    async with running_cuebot(cuebot, credentials=credentials):
        yield cuebot


async def failure(settings: Settings) -> str:
    """What a call comes to, which is UNAVAILABLE."""
    upstream = open_upstream(settings)
    try:
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(ECHO, b"", PATIENCE))
    finally:
        await upstream.close()
    assert (caught.value.code, caught.value.reason) == (Code.UNAVAILABLE, Reason.NOT_CONNECTED)
    return caught.value.details


# --- who is trusted -------------------------------------------------------------------------
@pytest.mark.anyio
async def test_everything_goes_over_tls(studio: Authority) -> None:
    """Schema, calls, readiness, check and direct calls reach a Cuebot whose CA is trusted."""
    async with cuebot_with(studio.server()) as cuebot:
        settings = settings_for(cuebot.endpoint, cuebot_tls=True, cuebot_ca_file=studio.file)
        async with running_gateway(settings) as gateway:
            answer = await gateway.post(ECHO, {"word": "x"})
            assert gateway.catalog.schema.confirmed
            assert await gateway.app.parts.upstream.usable(PATIENCE) == 1
        report = await run_checks(settings)
        async with cuebot_client(settings, PATIENCE) as client:
            direct = await client.call(ECHO[1:], Arguments(b'{"word": "x"}'))
    assert answer.json() == own_word("x", OLD)
    assert direct.content == answer.content
    assert (report.problems, report.endpoints) == ([], {cuebot.endpoint: True})


@pytest.mark.anyio
async def test_a_client_certificate_is_shown(studio: Authority) -> None:
    async with cuebot_with(studio.server(wants_client=True)) as cuebot:
        settings = settings_for(
            cuebot.endpoint, cuebot_tls=True, cuebot_ca_file=studio.file, **studio.client()
        )
        async with running_gateway(settings) as gateway:
            answer = await gateway.post(ECHO, {"word": "x"})
    assert answer.status_code == 200


def trusting(studio: Authority, stranger: Authority) -> dict[str, object]:
    return {"cuebot_tls": True, "cuebot_ca_file": studio.file}


Both = Callable[[Authority, Authority], Any]


def untrusted(studio: Authority, stranger: Authority) -> grpc.ServerCredentials:
    return stranger.server()


def wanting(studio: Authority, stranger: Authority) -> grpc.ServerCredentials:
    return studio.server(wants_client=True)


WRONGS: dict[str, tuple[Both, Both, tuple[str, ...]]] = {
    "unknown CA": (untrusted, trusting, ("is not signed by a CA in CUEBOT_CA_FILE",)),
    "no public CA": (
        *(untrusted, lambda studio, stranger: {"cuebot_tls": True}),
        ("not signed by a public CA", "CUEBOT_CA_FILE"),
    ),
    "another name": (
        *(lambda studio, stranger: studio.server("cuebot.elsewhere.example"), trusting),
        ("another name", "CUEBOT_ENDPOINT"),
    ),
    "expired": (lambda studio, _: studio.server(ends=LONG_AGO), trusting, ("has expired",)),
    "client certificate wanted": (
        *(wanting, trusting),
        ("requires a client certificate", "CUEBOT_CERT_FILE", "CUEBOT_KEY_FILE"),
    ),
    "another client certificate wanted": (
        *(wanting, lambda studio, stranger: trusting(studio, stranger) | stranger.client()),
        ("may not trust CUEBOT_CERT_FILE",),
    ),
    "no TLS there": (lambda *_: None, trusting, ("does not speak TLS", "CUEBOT_TLS")),
    "no TLS here": (
        *(lambda studio, stranger: studio.server(), lambda *_: {}),
        ("if it expects TLS, set CUEBOT_TLS=true",),
    ),
}
"""By what is wrong: the credentials of Cuebot, the settings, and what is said."""


def told_in(logs: list[Any]) -> set[str]:
    """What the log says of the connection, and of the schema that it is needed for."""
    lines = [line for line in logs if line["log_level"] == "warning"]
    return {line.get("reason", line["event"]) for line in lines}


@needs("tokens")
@pytest.mark.anyio
@pytest.mark.parametrize(("credentials", "settings", "said"), WRONGS.values(), ids=WRONGS)
async def test_what_is_wrong_is_said(
    credentials: Both, settings: Both, said: tuple[str, ...], studio: Authority, stranger: Authority
) -> None:
    async with cuebot_with(credentials(studio, stranger)) as cuebot:
        given = settings_for(cuebot.endpoint, **settings(studio, stranger))
        with capture_logs() as logs:
            async with running_gateway(given, ready=False) as gateway:
                await until(lambda: len(told_in(logs)) == 2)
                assert not any(each.ready for each in gateway.app.parts.upstream.endpoints)
        told = [await failure(given), *told_in(logs), *(await run_checks(given)).problems]
    assert (len(told), cuebot.seen) == (4, [])
    assert "127.0.0.1" not in told[0], "a client need not know where Cuebot is"
    for text in told:
        assert [words for words in said if words not in text] == []
        assert text.isprintable()


# --- settings -------------------------------------------------------------------------------
def refused(**given: object) -> str:
    """The line with which these settings stop startup."""
    with pytest.raises(ConfigurationError) as caught:
        tls_of(settings_for(NOBODY, **given))
    assert all(problem.isprintable() for problem in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize("name", ["cuebot_ca_file", "cuebot_cert_file", "cuebot_key_file"])
@pytest.mark.parametrize("given", [{}, {"cuebot_tls": False}], ids=["unset", "false"])
def test_files_without_tls(name: str, given: dict[str, object], studio: Authority) -> None:
    line = refused(**given, **{name: studio.file})
    assert line == f"{name.upper()}: has no effect without CUEBOT_TLS=true"


CERT, KEY = "cuebot_cert_file", "cuebot_key_file"


@pytest.mark.parametrize("kept", [CERT, KEY])
def test_half_a_pair_is_refused(kept: str, studio: Authority) -> None:
    line = refused(cuebot_tls=True, **{kept: studio.client()[kept]})
    assert line.startswith(f"{kept.upper()}: ")
    assert "beside it" in line


@pytest.mark.parametrize("name", ["cuebot_ca_file", "cuebot_cert_file", "cuebot_key_file"])
@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda path: path.write_text("nonsense"), lambda path: path.write_text("")],
    ids=["missing", "not PEM", "empty"],
)
def test_unusable_files(name: str, spoil: Callable[[Path], object], studio: Authority) -> None:
    given = {"cuebot_ca_file": studio.file} | studio.client()
    spoil(given[name])
    line = refused(cuebot_tls=True, **given)
    assert line.startswith(f"{name.upper()}: ")
    assert str(given[name]) in line


def test_an_expired_certificate_is_refused(studio: Authority) -> None:
    """Cuebot would only close the connection; here it is one line that has the date."""
    pair = studio.client()
    ended = datetime.now(UTC) - timedelta(days=1)
    issued = studio.ca.issue_cert("gateway@studio.example", not_after=ended)
    pair["cuebot_cert_file"].write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    pair["cuebot_key_file"].write_bytes(issued.private_key_pem.bytes())
    line = refused(cuebot_tls=True, **pair)
    assert (
        line
        == f"CUEBOT_CERT_FILE: {pair['cuebot_cert_file']} has expired on {ended:%Y-%m-%d %H:%M} UTC"
    )


@pytest.mark.anyio
async def test_check_tells_wrong_files(studio: Authority) -> None:
    """They are wrong settings, and Cuebot is not called."""
    report = await run_checks(settings_for(NOBODY, cuebot_ca_file=studio.file))
    assert report.settings_wrong
    assert report.problems == ["CUEBOT_CA_FILE: has no effect without CUEBOT_TLS=true"]
