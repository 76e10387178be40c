"""`cuebot-gateway token`, and the tokens of clients."""

import re
import time
from pathlib import Path

import pytest

from gateway.core.errors import ConfigurationError, GatewayError
from gateway.core.principal import Principal
from gateway.features.tokens.tokens import Authenticator, TokenRules
from gateway_cli.tokens import token_source
from tests.support.commands import in_process
from tests.support.servers import SECRET, settings_for

TOKEN_LINE = r"[\w-]+\.[\w-]+\.[\w-]+\n"


def minted(*arguments: str, **environ: str) -> str:
    ran = in_process("token", *arguments, **({"JWT_SECRET": SECRET} | environ))
    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(TOKEN_LINE, ran.text)
    return ran.text.strip()


def principal(token: str, rules: TokenRules | None = None, later: float = 0) -> Principal:
    """The principal of a token, by these rules and so many seconds from now."""
    rules = rules or TokenRules()
    authenticator = Authenticator([SECRET.encode()], rules, clock=lambda: time.time() + later)
    return authenticator.authenticate(f"Bearer {token}".encode())


def test_token_mints_what_the_gateway_accepts() -> None:
    token = minted("--sub", "léna@studio", "--ttl", "90s")
    assert principal(token).subject == principal(token, later=80).subject == "léna@studio"
    with pytest.raises(GatewayError, match="expired"):
        principal(token, later=91)
    assert principal(minted("--sub", "me")).expires == pytest.approx(time.time() + 3600, abs=60)


def test_token_has_more_claims() -> None:
    token = minted("--sub", "lena", "--claim", "role=artist", "--claim", "shows=demo,harbor")
    claims = principal(token).claims
    assert (claims["role"], claims["shows"]) == ("artist", ["demo", "harbor"])


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        ("role", "--claim: 'role' is not of the form CLAIM=VALUE"),
        ("sub=bo", "the claim sub is not to be given: --sub has it"),
        ("exp=99999999999", "the claim exp is not to be given: --ttl decides"),
    ],
)
def test_token_refuses_claims(claim: str, problem: str) -> None:
    ran = in_process("token", "--sub", "lena", "--claim", claim, JWT_SECRET=SECRET)
    assert ran.status == 2
    assert problem in ran.err


def test_token_follows_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('jwt_algorithms = ["HS512"]\njwt_audience = "render"')
    token = minted("--sub", "me", "--config", str(config), JWT_ISSUER="studio")
    rules = TokenRules(algorithms=("HS512",), audience="render", issuer="studio")
    assert principal(token, rules).subject == "me"


def test_token_signs_with_the_first_secret(tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(f"{SECRET}\n{SECRET}-old\n")
    token = minted("--sub", "me", JWT_SECRET="", JWT_SECRET_FILE=str(file))
    assert principal(token).subject == "me"


def test_only_the_token_is_on_standard_output() -> None:
    ran = in_process("token", "--sub", "me", JWT_SECRET="short")
    assert ran.status == 0
    assert re.fullmatch(TOKEN_LINE, ran.text)
    assert "easy to guess" in ran.err
    assert "short" not in ran.err


def test_a_token_is_bound_as_those_of_secrets_are() -> None:
    given = {"JWT_JWKS": "https://idp.studio/certs", "JWT_ISSUER": "idp", "JWT_AUDIENCE": "farm"}
    token = minted("--sub", "me", JWT_SECRET_ISSUER="studio", **given)
    assert "aud" not in principal(token, TokenRules(issuer="studio")).claims


def test_a_token_has_the_subject_where_the_settings_look_for_it() -> None:
    rules = TokenRules(subject=("user", "sub"))
    token = minted("--sub", "me", JWT_SUBJECT_CLAIM="user,sub")
    found = principal(token, rules)
    assert (found.subject, found.claims["user"]) == ("me", "me")


def test_a_token_lives_no_longer_than_the_settings_allow() -> None:
    """A lifetime above JWT_MAX_AGE is an error, as the gateway would refuse the token."""
    ran = in_process("token", "--sub", "me", "--ttl", "2h", JWT_SECRET=SECRET, JWT_MAX_AGE="1h")
    assert (ran.status, ran.out) == (2, b"")
    assert "JWT_MAX_AGE" in ran.err
    minted("--sub", "me", "--ttl", "1h", JWT_MAX_AGE="1h")


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without a token."""
    monkeypatch.delenv("TOKEN", raising=False)
    return monkeypatch


def test_a_token_is_given_or_signed(environ: pytest.MonkeyPatch) -> None:
    settings = settings_for("cuebot:8443")
    environ.setenv("LOGNAME", "lena")
    assert principal(token_source(settings, None, None)()).subject == "lena"
    environ.setenv("TOKEN", "of-the-environment\n")
    assert token_source(settings, None, None)() == "of-the-environment"
    assert principal(token_source(settings, None, "robot")()).subject == "robot"
    assert token_source(settings, "given", None)() == "given"
    short = settings_for("cuebot:8443", jwt_max_age="1m")
    assert principal(token_source(short, None, "robot")()).subject == "robot"


@pytest.mark.parametrize(
    ("secret", "given", "sub", "word"),
    [
        (SECRET, "a-secret b", None, "characters"),
        (SECRET, "a-secret\nx: y", None, "characters"),
        (SECRET, "a-secret-é", None, "characters"),
        (SECRET, "", None, "characters"),
        (SECRET, "a-secret", "me", "--sub"),
        (None, None, None, "TOKEN"),
        (None, None, "me", "JWT_SECRET"),
        (SECRET, None, "", "subject"),
    ],
)
@pytest.mark.usefixtures("environ")
def test_what_makes_no_token(
    secret: str | None, given: str | None, sub: str | None, word: str
) -> None:
    settings = settings_for("cuebot:8443", jwt_secret=secret)
    with pytest.raises(ConfigurationError, match=word) as caught:
        token_source(settings, given, sub)
    assert "secret" not in str(caught.value).replace("JWT_SECRET", "")
