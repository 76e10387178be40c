"""The settings of the audit log."""

from tests.support.settings import named_problem, wrong_values


@wrong_values(
    {
        "AUDIT_SYNC": ["maybe"],
        "AUDIT_FAIL": ["ajar"],
    }
)
def test_a_wrong_value_names_the_variable(variable: str, text: str) -> None:
    named_problem(variable, text)
