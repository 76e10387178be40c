"""`cuebot-gateway token`."""

import re
import time
from pathlib import Path

import pytest

from gateway.access.tokens import Authenticator, TokenRules
from gateway.errors import GatewayError
from tests.support.commands import child, in_process
from tests.support.servers import SECRET

TOKEN_LINE = r"[\w-]+\.[\w-]+\.[\w-]+\n"


def minted(*arguments: str, **environ: str) -> str:
    ran = in_process("token", *arguments, **({"JWT_SECRET": SECRET} | environ))
    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(TOKEN_LINE, ran.text)
    return ran.text.strip()


def bearer(token: str) -> bytes:
    return f"Bearer {token}".encode()


def test_token_mints_what_the_gateway_accepts() -> None:
    """The printed token is valid for its subject and its lifetime."""
    token = minted("--sub", "léna@studio", "--ttl", "90s")
    now = [time.time()]
    authenticator = Authenticator([SECRET.encode()], TokenRules(), clock=lambda: now[0])
    assert authenticator.authenticate(bearer(token)).subject == "léna@studio"
    now[0] += 85
    assert authenticator.authenticate(bearer(token)).subject == "léna@studio"
    now[0] += 6
    with pytest.raises(GatewayError, match="expired"):
        authenticator.authenticate(bearer(token))


def test_a_token_lives_an_hour_by_default() -> None:
    """An hour is the default of --ttl."""
    principal = Authenticator([SECRET.encode()], TokenRules()).authenticate(
        bearer(minted("--sub", "me"))
    )
    assert principal.expires == pytest.approx(time.time() + 3600, abs=5)


def test_token_follows_the_settings(tmp_path: Path) -> None:
    """Algorithm, audience and issuer are those the gateway requires, also from --config."""
    config = tmp_path / "gateway.toml"
    config.write_text('jwt_algorithms = ["HS512"]\njwt_audience = "render"')
    token = minted("--sub", "me", "--config", str(config), JWT_ISSUER="studio")
    rules = TokenRules(algorithms=("HS512",), audience="render", issuer="studio")
    assert Authenticator([SECRET.encode()], rules).authenticate(bearer(token)).subject == "me"


def test_token_signs_with_the_first_secret(tmp_path: Path) -> None:
    """With several secrets, the first one signs."""
    file = tmp_path / "jwt"
    file.write_text(f"{SECRET}\n{SECRET}-old\n")
    token = minted("--sub", "me", JWT_SECRET="", JWT_SECRET_FILE=str(file))
    assert (
        Authenticator([SECRET.encode()], TokenRules()).authenticate(bearer(token)).subject == "me"
    )


@pytest.mark.slow
def test_only_the_token_is_on_standard_output() -> None:
    """`$(cuebot-gateway token …)` is a token even if there is something to warn about."""
    ran = child("token", "--sub", "me", JWT_SECRET="short")
    assert ran.status == 0
    assert re.fullmatch(TOKEN_LINE, ran.text)
    assert "short" not in ran.err


def test_a_token_has_what_the_settings_require() -> None:
    """If JWT_REQUIRED_CLAIMS needs a claim that `token` cannot fill in, it prints none."""
    ran = in_process("token", "--sub", "me", JWT_SECRET=SECRET, JWT_REQUIRED_CLAIMS="sub,exp,role")
    assert (ran.status, ran.out) == (2, b"")
    assert "role" in ran.err


def test_without_a_secret_there_is_no_token() -> None:
    """With a provider alone, tokens come from there."""
    ran = in_process("token", "--sub", "me", JWT_SECRET="", JWT_JWKS="https://idp.studio/certs")
    assert (ran.status, ran.out) == (2, b"")
    assert "JWT_JWKS" in ran.err


def test_a_token_is_bound_as_those_of_secrets_are() -> None:
    """With a provider, JWT_ISSUER and JWT_AUDIENCE are for the provider's tokens."""
    given = {"JWT_JWKS": "https://idp.studio/certs", "JWT_ISSUER": "idp", "JWT_AUDIENCE": "farm"}
    token = minted("--sub", "me", JWT_SECRET_ISSUER="studio", **given)
    rules = TokenRules(issuer="studio")
    principal = Authenticator([SECRET.encode()], rules).authenticate(bearer(token))
    assert "aud" not in principal.claims


def test_a_token_has_the_subject_where_the_settings_look_for_it() -> None:
    """It is the first claim of JWT_SUBJECT_CLAIM."""
    rules = TokenRules(subject=("user", "sub"))
    token = minted("--sub", "me", JWT_SUBJECT_CLAIM="user,sub")
    principal = Authenticator([SECRET.encode()], rules).authenticate(bearer(token))
    assert (principal.subject, principal.claims["user"]) == ("me", "me")


def test_a_token_lives_no_longer_than_the_settings_allow() -> None:
    """A lifetime above JWT_MAX_AGE is an error, as the gateway would refuse the token."""
    ran = in_process("token", "--sub", "me", "--ttl", "2h", JWT_SECRET=SECRET, JWT_MAX_AGE="1h")
    assert (ran.status, ran.out) == (2, b"")
    assert "JWT_MAX_AGE" in ran.err
    minted("--sub", "me", "--ttl", "1h", JWT_MAX_AGE="1h")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--sub", "me", "--ttl", "soon"), id="no duration"),
        pytest.param(("--sub", "me", "--ttl", "-5s"), id="negative"),
        pytest.param(("--sub", "me", "--ttl", "9" * 30 + "h"), id="beyond 64 bits"),
        pytest.param(("--sub", "me", "--ttl", "9" * 400), id="infinite"),
        pytest.param(("--sub", "me", "--ttl", "0"), id="no time"),
        pytest.param(("--sub", "me", "--ttl", "500ms"), id="less than a second"),
        pytest.param(("--sub", ""), id="no subject"),
    ],
)
def test_token_refuses_what_makes_no_token(arguments: tuple[str, ...]) -> None:
    """What cannot become a working token is a usage error."""
    ran = in_process("token", *arguments, JWT_SECRET=SECRET)
    assert (ran.status, ran.out) == (2, b"")
    assert "--ttl" in ran.err or "--sub" in ran.err
