"""The settings of access."""

import pytest

from gateway.features.settings import load_settings
from tests.support.settings import problem


def test_tables_from_the_environment() -> None:
    """They are JSON there, and replace the defaults as a whole."""
    text = '[{"name": "td", "who": {"realm_access": {"roles": "td"}}, "may": ["reads"]}]'
    (rule,) = load_settings({"ACCESS": text}).access
    assert (rule.name, rule.may) == ("td", ("reads",))
    assert rule.who == {"realm_access": {"roles": ("td",)}}


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (
            '{"name": "a", "who": {}, "may": ["kill"]}',
            "ACCESS[0].may: expected reads, ",
        ),
        ('{"name": "a", "who": {}, "may": ["!reads"]}', "ACCESS[0].may: there is nothing to take"),
        ('{"name": "a", "may": ["reads"]}', "ACCESS[0].who: field required"),
        ('{"name": "a", "who": {"x": []}, "may": []}', "ACCESS[0].who: x: expected a glob"),
        ('{"name": "a", "who": {"x": 1}, "may": []}', "ACCESS[0].who: x: expected a glob"),
        ('{"name": "a", "who": {"signed_by": "us"}, "may": []}', "ACCESS[0].who: signed_by: exp"),
        ('{"name": "a", "who": "x", "may": []}', "ACCESS[0].who: expected a table of claims"),
        ('{"name": "", "who": {}, "may": []}', "ACCESS[0].name: "),
        ('{"name": "a\\n", "who": {}, "may": []}', "ACCESS[0].name: expected printable"),
        (
            '{"name": "a", "who": {}, "may": [], "role": "x"}',
            "ACCESS[0].role: there is no such key (there are: name, who, may, identity",
        ),
        (
            '{"name": "a", "who": {}, "may": [], "identiti": "x"}',
            "ACCESS[0].identiti: there is no such key; did you mean identity? (there are: name, ",
        ),
        ('{"name": "a", "who": {}, "may": [], "identity": "force"}', "ACCESS[0].identity: "),
        ('{"name": "a", "who": {}, "may": []}', "ACCESS: two rules are called 'a'"),
    ],
)
def test_a_wrong_access_rule_names_the_key(rule: str, what: str) -> None:
    text = f"[{rule}, {rule}]" if "two rules" in what else f"[{rule}]"
    assert problem({"ACCESS": text}).startswith(what)
