"""What is said of settings: the line that stops startup, and what `check` warns of."""

import re
from collections.abc import Mapping, Sequence

import pytest

from gateway.core.errors import ConfigurationError
from gateway.core.settings.reach import OPEN
from gateway.features.settings import load_settings
from gateway_cli.checks import Report

SECRET = "hush-hush-hush-hush-hush-hush-hush"


def problem(environ: Mapping[str, str]) -> str:
    """The lines that this environment stops startup with, one for each mistake. No secret is in
    them.
    """
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"JWT_SECRET": SECRET, **environ})
    text = str(caught.value)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "hush" not in text
    return text


def name_of(value: object) -> str:
    """The id of a case."""
    text = str(value)
    return ascii(text)[1:-1] if len(text) < 40 else f"{text[:10]}… {len(text)} characters"


def wrong_values(texts: Mapping[str, Sequence[str]]) -> pytest.MarkDecorator:
    """For a test of a `variable` with a `text` that it does not take."""
    cases = [(variable, text) for variable in texts for text in texts[variable]]
    return pytest.mark.parametrize(("variable", "text"), cases, ids=name_of)


def named_problem(variable: str, text: str) -> str:
    """The line that a variable with this text stops startup with, which names the variable."""
    line = problem({variable: text})
    assert re.match(rf"{variable}(\[\d\](\.\w+)?)?: ", line)
    return line


def warnings_of(report: Report) -> list[str]:
    """What `check` warns of, but that nobody identifies callers: so it is without tokens."""
    return [each for each in report.warnings if each != OPEN]
