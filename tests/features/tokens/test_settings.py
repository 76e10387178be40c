"""The settings of tokens."""

from pathlib import Path

import pytest

from gateway.core.errors import ConfigurationError
from gateway.features.settings import load_settings
from tests.support.settings import named_problem, wrong_values


@pytest.mark.parametrize(
    ("content", "more"),
    [
        *(("jwt_algorithms = []", ""), ('jwt_algorithms = ["HS256", "RS256"]', "")),
        *(("jwt_subject_claim = []", ""), ('jwt_subject_claim = ["sub", "exp"]', "")),
        ("jwt_max_age = -1", ""),
        ('jwt_jwks = "http://idp.studio/certs"', "https"),
    ],
)
def test_a_wrong_value_in_the_file_names_the_key(tmp_path: Path, content: str, more: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"GATEWAY_CONFIG": str(file)})
    (text,) = caught.value.problems
    assert text.startswith(f"{file}: {content.partition(' = ')[0]}")
    assert more in text


def test_a_file_of_the_environment_replaces_a_secret_of_the_file(tmp_path: Path) -> None:
    """They are alternatives, of which both together would be an error."""
    file = tmp_path / "gateway.toml"
    file.write_text('jwt_secret = "of the file, and long enough for HS256"', encoding="utf-8")
    given = {"GATEWAY_CONFIG": str(file)}
    assert load_settings(given).secret_in == file
    settings = load_settings(given | {"JWT_SECRET_FILE": "/run/secrets/jwt"})
    assert (settings.jwt_secret, settings.secret_in) == (None, None)


@wrong_values(
    {
        "JWT_ALGORITHMS": ["RS256", "HS256,none", "none", ","],
        "JWT_LEEWAY": ["-5s"],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    named_problem(variable, text)
