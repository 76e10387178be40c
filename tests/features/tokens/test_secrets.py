"""The secrets that tokens are signed with: where they come from, and which are refused."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.app import Gateway, create_app
from gateway.core.errors import ConfigurationError
from gateway.core.settings.key_files import readable_by_all
from gateway.core.settings.model import Reloadable
from gateway.features.settings import Settings, load_settings
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.tokens import Authenticator, token_rules
from gateway_cli.checks import Report, check_settings
from tests.support.needs import needs
from tests.support.servers import settings_for

LONG = "0123456789abcdef0123456789abcdef"


def secrets_of(folder: Path, content: bytes, held: tuple[bytes, ...] = ()) -> tuple[bytes, ...]:
    """The secrets of a file with this content."""
    file = folder / "jwt"
    file.write_bytes(content)
    return load_secrets(Settings(jwt_secret_file=file), held)


@pytest.mark.parametrize(
    ("content", "secrets"),
    [
        (b"one-secret\n", (b"one-secret",)),
        (b"one-secret", (b"one-secret",)),
        (b"new\nold\n", (b"new", b"old")),
        (b"new\r\nold\r\n", (b"new", b"old")),
        (b"\nnew\n\n\nold\n\n", (b"new", b"old")),
        (b"\r\nnew\r\n\r\nold\r\n", (b"new", b"old")),
        (b"new\n  \n\t\nold\n", (b"new", b"old")),
        (b'"quoted"\ntrue\n', (b'"quoted"', b"true")),
        (b"\xff\xfe\n", (b"\xff\xfe",)),
        (b"# since May\nnew\n#old\n", (b"new",)),
        (b"  # indented\nnew # 1\n", (b"new # 1",)),
        (b"\xef\xbb\xbfnew\r\nold\r\n", (b"new", b"old")),
        (b"\xef\xbb\xbf# why\r\nnew\r\n", (b"new",)),
    ],
)
def test_one_secret_a_line(tmp_path: Path, content: bytes, secrets: tuple[bytes, ...]) -> None:
    assert secrets_of(tmp_path, content) == secrets


def one_line(caught: pytest.ExceptionInfo[ConfigurationError], name: str) -> str:
    """The error's text, which is one line about this setting."""
    text = str(caught.value)
    assert "\n" not in text
    assert name in text
    return text


@pytest.mark.parametrize(
    "given",
    [
        *({}, {"jwt_secret": ""}, {"jwt_secret": "   "}),
        {"jwt_secret": LONG, "jwt_secret_file": "good"},
        *({"jwt_secret_file": name} for name in ("empty", "blank", "spaces", "comment", "mark")),
    ],
    ids=str,
)
def test_a_gateway_without_one_secret_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {"empty": "", "blank": "\n\r\n\n", "spaces": "   \n", "comment": "# none yet\n"}
    for name, content in (contents | {"mark": "\ufeff", "good": LONG}).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings.model_validate(given))
    assert LONG not in one_line(caught, "JWT_SECRET")


@pytest.mark.parametrize("name", ["missing", "."])
def test_an_unreadable_secret_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secrets(Settings(jwt_secret_file=tmp_path / name))
    assert str(tmp_path) in one_line(caught, "JWT_SECRET_FILE")


def test_secrets_are_read_before_all_else(tmp_path: Path) -> None:
    """Of several problems at startup, theirs is told."""
    missing = tmp_path / "missing"
    settings = Settings(
        jwt_secret_file=missing,
        cuebot_tls=True,
        cuebot_ca_file=missing,
        compat_profile=str(missing),
    )
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings)
    one_line(caught, "JWT_SECRET_FILE")


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


def test_a_secret_may_be_any_bytes() -> None:
    secret = LONG.encode() + b"\xff"
    assert load_secrets(load_settings({"JWT_SECRET": os.fsdecode(secret)})) == (secret,)


@pytest.mark.parametrize(
    ("secret", "warned"),
    [
        *((LONG, False), (LONG[:-1], True), ("é" * 16, False), ("é" * 15, True), ("x", True)),
        # Those of the reference, its guides, its compose file, and our Kubernetes example.
        *(("your-secret", True), ("your-secret-key", True)),
        *(("your-production-secret-key-here", True), ("dev-secret-key-change-in-production", True)),
        ("opencue-dev-jwt-secret-change-in-production", True),
        ("replace-this-with-32-random-bytes-or-more", True),
    ],
)
def test_easy_secrets_are_warned_about(secret: str, warned: bool) -> None:
    settings = Settings.model_validate({"jwt_secret": secret})
    with capture_logs() as lines:
        assert load_secrets(settings) == (secret.encode(),)
    assert [line["log_level"] for line in lines] == ["warning"] * warned
    assert all("export JWT_SECRET=$(openssl rand -base64 32)" in line["event"] for line in lines)
    assert len(secret) == 1 or secret not in repr(lines)


@pytest.mark.anyio
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
        pytest.param(
            {"rest_host": "::1", "metrics_host": "::", "metrics_port": 1, "metrics": "token"},
            "METRICS_HOST=::",
            marks=needs("metrics"),
        ),
    ],
)
async def test_published_secrets_stay_local(
    tmp_path: Path, settings: dict[str, object], where: str
) -> None:
    file = tmp_path / "jwt"
    file.write_text(f"{LONG}\nyour-secret\n")
    given = settings_for("127.0.0.1:1", jwt_secret=None, jwt_secret_file=file, **settings)
    report = Report()
    await check_settings(given, report)
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
    def secrets_of(app: Gateway) -> Reloadable:
        (part,) = (each for each in app.reloadable if each.name == "the secrets")
        return part

    before = settings_for("127.0.0.1:1", jwt_secret=LONG)
    here = settings_for("127.0.0.1:1", jwt_secret="your-secret", rest_host="127.0.0.1")
    problem = r"JWT_SECRET: secret number 1 .*REST_HOST=0\.0\.0\.0"
    with pytest.raises(ConfigurationError, match=problem):
        secrets_of(create_app(before)).prepare(here)
    secrets_of(create_app(here)).prepare(here)


NEXT = "fedcba9876543210fedcba9876543210"


@pytest.mark.parametrize(
    ("content", "secrets"),
    [
        *((content, None) for content in ("", "# the secrets of", LONG[:20], NEXT[:20])),
        *((f"{LONG}\n{content}", None) for content in (NEXT[:20], NEXT)),
        pytest.param(LONG, (LONG,), id="the same, without a newline"),
        pytest.param(NEXT, (NEXT,), id="another, without a newline"),
        pytest.param(f"{NEXT}\n{LONG}", (NEXT, LONG), id="a new one before the old one"),
        pytest.param(f"{LONG}\n{NEXT}\n", (LONG, NEXT), id="whole lines"),
        pytest.param("short\n", ("short",), id="a short line"),
    ],
)
def test_a_half_written_file_is_not_taken(
    tmp_path: Path, content: str, secrets: tuple[str, ...] | None
) -> None:
    """While secrets are in use, the last line may go on."""
    held = (LONG.encode(),)
    if secrets is not None:
        loaded = secrets_of(tmp_path, content.encode(), held)
        assert loaded == tuple(secret.encode() for secret in secrets)
        return
    with pytest.raises(ConfigurationError) as caught:
        secrets_of(tmp_path, content.encode(), held)
    one_line(caught, "JWT_SECRET_FILE")


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
    given = {"jwt_secret": None, "jwt_secret_file": file, "rest_host": "127.0.0.1"}
    with capture_logs() as lines:
        create_app(settings_for("127.0.0.1:1", **given))
    told = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert len(told) == 2
    assert "is published" in told[0]
    assert "everyone on this machine can read" in told[1]


def test_secrets_are_not_in_what_settings_show() -> None:
    settings = Settings.model_validate({"jwt_secret": "hush-hush-hush"})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings}"):
        assert "hush" not in shown
