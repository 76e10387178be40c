"""Where clients get their tokens from."""

import pytest

from gateway.access.tokens import Authenticator, TokenRules
from gateway.errors import ConfigurationError
from gateway_cli.client.gateway import token_source
from tests.support.servers import SECRET, settings_for


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without a token."""
    monkeypatch.delenv("TOKEN", raising=False)
    return monkeypatch


def subject_of(token: str) -> str:
    return (
        Authenticator([SECRET.encode()], TokenRules())
        .authenticate(f"Bearer {token}".encode())
        .subject
    )


def test_a_token_is_given_or_signed(environ: pytest.MonkeyPatch) -> None:
    """--token, --sub, TOKEN and the user's name are used in this order."""
    settings = settings_for("cuebot:8443")
    environ.setenv("LOGNAME", "lena")
    assert subject_of(token_source(settings, None, None)()) == "lena"
    environ.setenv("TOKEN", "of-the-environment\n")
    assert token_source(settings, None, None)() == "of-the-environment"
    assert subject_of(token_source(settings, None, "robot")()) == "robot"
    assert token_source(settings, "given", None)() == "given"
    short = settings_for("cuebot:8443", jwt_max_age="1m")
    assert subject_of(token_source(short, None, "robot")()) == "robot"


@pytest.mark.parametrize(
    ("secret", "given", "sub", "word"),
    [
        pytest.param(SECRET, "a-secret b", None, "characters", id="a space"),
        pytest.param(SECRET, "a-secret\nx: y", None, "characters", id="a line end"),
        pytest.param(SECRET, "a-secret-é", None, "characters", id="not ASCII"),
        pytest.param(SECRET, "", None, "characters", id="empty"),
        pytest.param(SECRET, "a-secret", "me", "--sub", id="both"),
        pytest.param(None, None, None, "TOKEN", id="nothing"),
        pytest.param(None, None, "me", "JWT_SECRET", id="nothing to sign with"),
        pytest.param(SECRET, None, "", "subject", id="no subject"),
    ],
)
@pytest.mark.usefixtures("environ")
def test_what_makes_no_token(
    secret: str | None, given: str | None, sub: str | None, word: str
) -> None:
    """It is wrong settings, reported without the token."""
    settings = settings_for("cuebot:8443", jwt_secret=secret)
    with pytest.raises(ConfigurationError, match=word) as caught:
        token_source(settings, given, sub)
    assert "secret" not in str(caught.value).replace("JWT_SECRET", "")
