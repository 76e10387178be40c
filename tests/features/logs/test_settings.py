"""The settings of logs of frames."""

from tests.support.settings import named_problem, wrong_values


@wrong_values(
    {
        "LOG_ROOTS": ["shots", "/a/../b", "/a=b", "/a, /a=/b", "/a, //a/.", "=/a", "/a="],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    named_problem(variable, text)
