"""What `cuebot-gateway check` says of the keys and secrets of tokens."""

from pathlib import Path

import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.checks import run_checks
from tests.support.provider import ec_key, key_server, keycloak, rsa_key
from tests.support.servers import SECRET, settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> str:
    """The endpoint of a simulated Cuebot in this process."""
    return simulated_cuebot.endpoint


async def test_a_weak_secret(cuebot: str) -> None:
    report = await run_checks(settings_for(cuebot, jwt_secret="tooshort"))
    assert report.problems == []
    (warning,) = report.warnings
    assert "easy to guess" in warning
    assert "openssl rand -base64 32" in warning
    assert "tooshort" not in "\n".join(report.lines()) + str(report.as_object())


async def test_secrets_that_everyone_can_read(cuebot: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o644)
    report = await run_checks(settings_for(cuebot, jwt_secret=None, jwt_secret_file=file))
    assert report.warnings == [
        f"JWT_SECRET_FILE: everyone on this machine can read {file}; chmod o= {file}"
    ]


async def test_the_keys_of_a_provider(cuebot: str) -> None:
    signing, elliptic = rsa_key("one"), ec_key("curve")
    async with key_server(keycloak(signing, elliptic)) as server:
        bound = {"jwt_issuer": "https://idp.studio", "jwt_audience": "farm"}
        settings = settings_for(cuebot, jwt_secret=None, jwt_jwks=server.url, **bound)
        report = await run_checks(settings)
        assert (report.problems, report.warnings) == ([], [])
        assert report.as_object()["keys"] == 2
        said = "\n".join(report.lines())
        assert "Secrets    none\nKeys       2 keys\n           kc-rsa: RS256\n" in said
        report = await run_checks(settings_for(cuebot, jwt_jwks=server.url))
        assert [warning.rpartition(" ")[2] for warning in report.warnings] == [
            "JWT_ISSUER",
            "JWT_AUDIENCE",
        ]
        server.status = 500
        report = await run_checks(settings)
    assert report.problems == [f"JWT_JWKS: {server.url} answers with status 500"]
    assert not report.settings_wrong
