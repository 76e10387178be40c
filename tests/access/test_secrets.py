"""The secrets that tokens are signed with: where they come from, and which are refused."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.access.secrets import load_secrets
from gateway.access.tokens import Authenticator, token_rules
from gateway.app import Gateway, create_app
from gateway.errors import ConfigurationError
from gateway.settings.key_files import readable_by_all
from gateway.settings.loading import load_settings
from gateway.settings.model import Reloadable, Settings
from gateway_cli.checks import Report, check_settings
from tests.support.servers import settings_for

LONG = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "secrets"),
    [
        pytest.param(b"one-secret\n", (b"one-secret",), id="one line"),
        pytest.param(b"one-secret", (b"one-secret",), id="no newline"),
        pytest.param(b"new\nold\n", (b"new", b"old"), id="two lines"),
        pytest.param(b"new\r\nold\r\n", (b"new", b"old"), id="CRLF"),
        pytest.param(b"\nnew\n\n\nold\n\n", (b"new", b"old"), id="blank lines"),
        pytest.param(b"\r\nnew\r\n\r\nold\r\n", (b"new", b"old"), id="blank CRLF lines"),
        pytest.param(b"new\n  \n\t\nold\n", (b"new", b"old"), id="lines of spaces"),
        pytest.param(b'"quoted"\ntrue\n', (b'"quoted"', b"true"), id="like JSON"),
        pytest.param(b"\xff\xfe\n", (b"\xff\xfe",), id="not UTF-8"),
        pytest.param(b"# since May\nnew\n#old\n", (b"new",), id="comments"),
        pytest.param(b"  # indented\nnew # 1\n", (b"new # 1",), id="comments have a line each"),
        pytest.param(b"\xef\xbb\xbfnew\r\nold\r\n", (b"new", b"old"), id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf# why\r\nnew\r\n", (b"new",), id="mark and comment"),
    ],
)
def test_one_secret_a_line(tmp_path: Path, content: bytes, secrets: tuple[bytes, ...]) -> None:
    file = tmp_path / "jwt"
    file.write_bytes(content)
    assert load_secrets(Settings(jwt_secret_file=file)) == secrets


def one_line(caught: pytest.ExceptionInfo[ConfigurationError], *names: str) -> str:
    """The error's text, which is one line and has one of these names."""
    text = str(caught.value)
    assert "\n" not in text
    assert any(name in text for name in names)
    return text


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="none"),
        pytest.param({"jwt_secret": ""}, id="empty in the file"),
        pytest.param({"jwt_secret": "   "}, id="spaces"),
    ],
)
def test_there_is_no_default_secret(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings.model_validate(given))
    one_line(caught, "JWT_SECRET")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\r\n\n", b"   \n", b"# none yet\n", b"\xef\xbb\xbf"],
    ids=["empty", "blank", "spaces", "comment", "byte order mark"],
)
def test_a_secret_file_without_a_secret_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jwt"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings(jwt_secret_file=file))
    one_line(caught, "JWT_SECRET", "JWT_SECRET_FILE")


@pytest.mark.parametrize("name", ["missing", "."])
def test_an_unreadable_secret_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings(jwt_secret_file=tmp_path / name))
    assert str(tmp_path) in one_line(caught, "JWT_SECRET_FILE")


def test_secret_and_file_at_once_is_an_error(tmp_path: Path) -> None:
    """Two secrets from two places would leave it open which one counts."""
    file = tmp_path / "jwt"
    file.write_text(LONG)
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings.model_validate({"jwt_secret": LONG, "jwt_secret_file": file}))
    assert LONG not in one_line(caught, "JWT_SECRET_FILE")


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN PUBLIC KEY-----MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A-----END CERTIFICATE-----",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody@somewhere",
        '{"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78", "e": "AQAB"}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11", "y": "4Etl6SRW2Y"}]}',
    ],
    ids=["public key", "certificate", "ssh key", "JWK", "JWKS"],
)
def test_a_public_key_is_no_secret(secret: str) -> None:
    settings = Settings.model_validate({"jwt_secret": secret})
    with pytest.raises(ConfigurationError) as caught:
        Authenticator(load_secrets(settings), token_rules(settings))
    assert secret not in one_line(caught, "JWT_SECRET")


def test_a_secret_that_is_not_utf8_is_taken_or_refused_in_one_line() -> None:
    environ = {"JWT_SECRET": os.fsdecode(LONG.encode() + b"\xff")}
    try:
        secrets = load_secrets(load_settings(environ))
    except ConfigurationError as error:
        text = str(error)
    else:
        assert secrets == (LONG.encode() + b"\xff",)
        return
    assert "JWT_SECRET" in text
    assert LONG not in text


@pytest.mark.parametrize(
    ("secret", "warned"),
    [
        pytest.param(LONG, False, id="32 bytes"),
        pytest.param(LONG[:-1], True, id="31 bytes"),
        pytest.param("é" * 16, False, id="32 bytes in 16 characters"),
        pytest.param("é" * 15, True, id="30 bytes in 15 characters"),
        pytest.param("x", True, id="one byte"),
        pytest.param("your-secret", True, id="of the reference"),
        pytest.param("your-secret-key", True, id="of the deployment guide"),
        pytest.param("your-production-secret-key-here", True, id="of its production example"),
        pytest.param("dev-secret-key-change-in-production", True, id="its documented default"),
        pytest.param("opencue-dev-jwt-secret-change-in-production", True, id="its compose file's"),
        pytest.param(
            "replace-this-with-32-random-bytes-or-more", True, id="our Kubernetes example"
        ),
    ],
)
def test_easy_secrets_are_warned_about(secret: str, warned: bool) -> None:
    settings = Settings.model_validate({"jwt_secret": secret})
    with capture_logs() as lines:
        assert load_secrets(settings) == (secret.encode(),)
    assert [line["log_level"] for line in lines] == (["warning"] if warned else [])
    assert all("export JWT_SECRET=$(openssl rand -base64 32)" in line["event"] for line in lines)
    if len(secret) > 1:
        assert secret not in repr(lines)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({}, "REST_HOST=0.0.0.0"),
        ({"rest_host": "::"}, "REST_HOST=::"),
        ({"rest_host": "10.0.0.5"}, "REST_HOST=10.0.0.5"),
        ({"rest_host": "gateway.studio"}, "REST_HOST=gateway.studio"),
        ({"rest_host": "localhost.studio"}, "REST_HOST=localhost.studio"),
        ({"rest_host": "127.0.0.1.studio"}, "REST_HOST=127.0.0.1.studio"),
        ({"rest_host": "127.0.0.1"}, ""),
        ({"rest_host": "127.8.0.1"}, ""),
        ({"rest_host": "::1"}, ""),
        ({"rest_host": "localhost"}, ""),
        ({"rest_host": "::1", "metrics_host": "::"}, ""),
        (
            {"rest_host": "::1", "metrics_host": "::", "metrics_port": 1, "metrics": "token"},
            "METRICS_HOST=::",
        ),
    ],
)
def test_published_secrets_stay_local(
    tmp_path: Path, settings: dict[str, object], where: str
) -> None:
    file = tmp_path / "jwt"
    file.write_text(f"{LONG}\nyour-secret\n")
    given = settings_for("127.0.0.1:1", jwt_secret=None, jwt_secret_file=file, **settings)
    report = Report()
    check_settings(given, report)
    assert report.settings_wrong == bool(where)
    if not where:
        create_app(given)
        return
    with pytest.raises(ConfigurationError) as refused:
        create_app(given)
    assert str(refused.value) == (
        "JWT_SECRET_FILE: secret number 2 is published in an example, so anyone who reaches the"
        f" gateway ({where}) could run commands on the farm. Make another"
        " (openssl rand -base64 32), or listen on 127.0.0.1"
    )
    assert report.problems == list(refused.value.problems)


def test_a_reload_takes_no_published_secret() -> None:
    before = settings_for("127.0.0.1:1", jwt_secret=LONG)
    here = settings_for("127.0.0.1:1", jwt_secret="your-secret", rest_host="127.0.0.1")
    with pytest.raises(
        ConfigurationError, match=r"JWT_SECRET: secret number 1 .*REST_HOST=0\.0\.0\.0"
    ):
        tokens_of(create_app(before)).prepare(here)
    tokens_of(create_app(here)).prepare(here)


def tokens_of(app: Gateway) -> Reloadable:
    """The part that follows the secrets."""
    (part,) = (each for each in app.parts.reloadable if each.name == "the secrets")
    return part


def test_every_easy_secret_of_a_file_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(f"{LONG}\nshort-one\nshort-two\n")
    with capture_logs() as lines:
        load_secrets(Settings(jwt_secret_file=file))
    assert len(lines) == 2
    assert lines[0] != lines[1]
    assert "short-" not in repr(lines)
    assert all(f"openssl rand -base64 32 >> {file};" in line["event"] for line in lines)


NEXT = "fedcba9876543210fedcba9876543210"
HELD = (LONG.encode(),)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="nothing yet"),
        pytest.param("# the secrets of", id="a comment"),
        pytest.param(LONG[:20], id="a part of the old one"),
        pytest.param(NEXT[:20], id="a part of a new one"),
        pytest.param(f"{LONG}\n{NEXT[:20]}", id="a part of the second"),
        pytest.param(f"{LONG}\n{NEXT}"[:-1], id="all but its end"),
    ],
)
def test_a_half_written_file_is_not_taken(tmp_path: Path, content: str) -> None:
    file = tmp_path / "jwt"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings(jwt_secret_file=file), HELD)
    one_line(caught, "JWT_SECRET_FILE")


@pytest.mark.parametrize(
    ("content", "secrets"),
    [
        pytest.param(LONG, (LONG,), id="the same, without a newline"),
        pytest.param(NEXT, (NEXT,), id="another, without a newline"),
        pytest.param(f"{NEXT}\n{LONG}", (NEXT, LONG), id="a new one before the old one"),
        pytest.param(f"{LONG}\n{NEXT}\n", (LONG, NEXT), id="whole lines"),
        pytest.param("short\n", ("short",), id="a short line"),
    ],
)
def test_a_whole_file_is_taken(tmp_path: Path, content: str, secrets: tuple[str, ...]) -> None:
    file = tmp_path / "jwt"
    file.write_text(content)
    loaded = load_secrets(Settings(jwt_secret_file=file), HELD)
    assert loaded == tuple(secret.encode() for secret in secrets)


@pytest.mark.parametrize("name", ["jwt_secret_file", "tls_key_file", "cuebot_key_file"])
def test_files_that_everyone_can_read_are_warned_about(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    settings = Settings.model_validate({name: file})
    assert readable_by_all(settings) == []  # there is none yet, which is told elsewhere
    file.write_text(LONG)
    for mode in (0o600, 0o640):
        file.chmod(mode)
        assert readable_by_all(settings) == []
    for mode in (0o644, 0o604):
        file.chmod(mode)
        (warning,) = readable_by_all(settings)
        assert name.upper() in warning
        assert f"chmod o= {file}" in warning


@pytest.mark.parametrize(
    ("content", "environ", "warned"),
    [
        (f'jwt_secret = "{LONG}"', {}, True),
        (f'jwt_secret = "{LONG}"', {"JWT_SECRET": LONG}, False),
        ("rest_port = 8448", {"JWT_SECRET": LONG}, False),
    ],
)
def test_a_configuration_file_with_a_secret_is_for_the_gateway_alone(
    tmp_path: Path, content: str, environ: dict[str, str], warned: bool
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(content)
    for mode in (0o644, 0o640):
        file.chmod(mode)
        warnings = readable_by_all(load_settings(environ | {"GATEWAY_CONFIG": str(file)}))
        line = f"GATEWAY_CONFIG: everyone on this machine can read {file}; chmod o= {file}"
        assert warnings == [line] * (warned and mode == 0o644)


def test_the_gateway_warns_at_startup(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("your-secret\n")
    file.chmod(0o644)
    with capture_logs() as lines:
        create_app(
            settings_for(
                "127.0.0.1:1", jwt_secret=None, jwt_secret_file=file, rest_host="127.0.0.1"
            )
        )
    told = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert len(told) == 2
    assert "is published" in told[0]
    assert "everyone on this machine can read" in told[1]


def test_secrets_are_not_in_what_settings_show() -> None:
    settings = Settings.model_validate({"jwt_secret": "hush-hush-hush"})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings}"):
        assert "hush" not in shown
