"""The settings of traces."""

from gateway.core.settings.loading import retired
from gateway.features.settings import Settings, load_settings
from tests.support.settings import named_problem, wrong_values


def test_a_retired_setting_is_named() -> None:
    settings = load_settings({"TRACES_RATIO": "0"})
    assert settings.traces_ratio == 0
    assert retired(settings) == [
        "TRACES_RATIO is retired, and goes with the next release: set"
        " OTEL_TRACES_SAMPLER=parentbased_traceidratio and OTEL_TRACES_SAMPLER_ARG"
    ]
    assert retired(Settings()) == []


@wrong_values(
    {
        "TRACES": ["always"],
        "TRACES_RATIO": ["1.5"],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    named_problem(variable, text)
