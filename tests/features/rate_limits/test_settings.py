"""The settings of rate limits."""

from pathlib import Path

import pytest

from gateway.core.errors import ConfigurationError
from gateway.features.rate_limits.settings import RateOverride
from gateway.features.settings import load_settings
from tests.support.needs import needs
from tests.support.settings import named_problem, wrong_values


def problem(file: Path, content: str) -> str:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"GATEWAY_CONFIG": str(file)})
    (text,) = caught.value.problems
    assert text.startswith(f"{file}: ")
    return text


def test_overrides_from_the_environment() -> None:
    """They are JSON there, and replace the defaults as a whole."""
    text = '[{"subjects": ["a*", "b"], "rps": 3, "max_wait": "500ms"}]'
    expected = RateOverride(subjects=("a*", "b"), rps=3, burst=None, max_wait=0.5)
    assert load_settings({"RATE_LIMIT_OVERRIDES": text}).rate_limit_overrides == (expected,)
    assert load_settings({"RATE_LIMIT_OVERRIDES": "[]"}).rate_limit_overrides == ()


def test_overrides_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[[rate_limit_overrides]]\nsubjects = ["x"]\nrps = 0\n', encoding="utf-8")
    settings = load_settings({"GATEWAY_CONFIG": str(file)})
    assert settings.rate_limit_overrides == (RateOverride(subjects=("x",), rps=0),)


@needs("access")
def test_overrides_for_rules_of_access() -> None:
    given = {"ACCESS": '[{"name": "td", "who": {}, "may": ["reads"]}]'}
    for_rule = '[{"rules": ["%s"], "rps": 1}]'
    settings = load_settings(given | {"RATE_LIMIT_OVERRIDES": for_rule % "td"})
    assert settings.rate_limit_overrides[0].rules == ("td",)
    with pytest.raises(ConfigurationError, match="no access rule 'tds'; did you mean td"):
        load_settings(given | {"RATE_LIMIT_OVERRIDES": for_rule % "tds"})


OVERRIDE = '[[rate_limit_overrides]]\nsubjects = ["a"]\n'


@pytest.mark.parametrize(
    ("content", "more"),
    [
        ("rate_limit_rps = true", "rate_limit_rps"),
        ("rate_limit_rsp = 1", "did you mean rate_limit_rps?"),
        ("rate_limit_overrides = {rps = 1}", ""),
        (OVERRIDE, "rps"),
        ("[[rate_limit_overrides]]\nrps = 1", "whose limits"),
        (OVERRIDE + 'rps = 1\nrules = ["b"]\nshare = 2', "share is for subjects"),
        (OVERRIDE + 'rps = 1\nrules = ["b"]', "there is no access rule 'b'"),
        (OVERRIDE + "rps = 1\nbrust = 1", "brust"),
        (OVERRIDE + 'rps = 1\nmax_wait = "x"', "max_wait"),
    ],
)
def test_a_wrong_value_names_the_key(tmp_path: Path, content: str, more: str) -> None:
    text = problem(tmp_path / "gateway.toml", content)
    assert content.partition(" = ")[0].partition("]")[0].strip("[") in text
    assert more in text


@wrong_values(
    {
        "RATE_LIMIT_RPS": ["-1", "nan", "inf", "fast", "1e-300", "0.0009", "5e-324", "1e7"],
        "RATE_LIMIT_BURST": ["0", "1.5"],
        "RATE_LIMIT_MAX_WAIT": ["long"],
        "RATE_LIMIT_OVERRIDES": [
            *("[", "{}", "7", "[7]", '[{"rps": 1}]', '[{"subjects": ["a"]}]'),
            '[{"subjects": ["a"], "rps": -1}]',
            '[{"subjects": ["a"], "rps": 1e-300}]',
            '[{"subjects": ["a"], "rps": 1, "brust": 2}]',
            '[{"subjects": ["a"], "rps": 1, "max_wait": "x"}]',
            '[{"subjects": "a", "rps": 1}]',
        ],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    named_problem(variable, text)
