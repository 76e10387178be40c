"""Conditions of access rules: facts, claims, and what is not known."""

import pytest
from pydantic import ValidationError

from gateway.core.errors import ConfigurationError
from gateway.core.schema.selection import Selection
from gateway.features.access.rights import AccessRules
from gateway.features.catalog import build_catalog
from gateway.features.object_rights.conditions import read_condition
from gateway.features.object_rights.restriction import InCatalog
from gateway.features.views.filter_expressions import BadCondition
from tests.features.access.rules import access_rules
from tests.support.opencue import opencue
from tests.support.rights import rule
from tests.support.servers import settings_for

LENA = {"show": "demo", "user": "lena", "job": "demo-sh010-lena_comp"}
SUB = {"sub": "lena"}


@pytest.mark.parametrize(
    ("text", "facts", "claims", "holds"),
    [
        ("user = $sub", LENA, SUB, True),
        ("user = $sub", LENA, {"sub": ["bo", "lena"]}, True),
        ("user = $sub", LENA, {"sub": 7}, False),
        ("user = $sub", LENA, {"sub": [7, "lena"]}, True),
        ("user = $sub", LENA, {"sub": [True, "lena"]}, False),
        ("job = $id", {"job": "7"}, {"id": 7}, True),
        ("user = '$sub'", LENA, SUB, False),
        ("user = '$sub'", {"user": "$sub"}, SUB, True),
        ("show in $shows", LENA, {"shows": "demo"}, True),
        ("show in $shows", LENA, {"shows": "demo other"}, False),
        ("show in $realm.shows", LENA, {"realm": {"shows": ["demo"]}}, True),
        ("show in $realm.shows", LENA, {"realm": ["demo"]}, False),
        ("show in (a, demo)", LENA, {}, True),
        ("show in ($shows, demo)", LENA, {"shows": ["a"]}, True),
        ("show in ($shows, demo)", LENA, {}, False),
        ("job : $sub", LENA, SUB, True),
        ("job : $sub", LENA, {"sub": ""}, False),
        ("job : $sub", LENA, {"sub": ["zzz", ""]}, False),
        ("user != $sub", LENA, {"sub": ""}, False),
        ("job ~ '^demo-sh0[0-9]+-'", LENA, {}, True),
        ("not job ~ '^demo'", {}, {}, False),
    ],
)
def test_what_holds(
    text: str, facts: dict[str, str], claims: dict[str, object], holds: bool
) -> None:
    """What claims may be. How conditions are put together is compared in test_visibility.py."""
    assert read_condition(text).holds(facts, claims) == holds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shwo = demo", "there is no fact 'shwo'; did you mean show?"),
        ("layer = x", "facts are show, user, job, group, facility"),
        ("user =", "expected a value at 7, found the end"),
        ("user = $", "expected a claim's name behind $"),
        ("user = $a..b", "expected a claim's name behind $"),
        ("show in demo", "expected `(` at 9, found 'demo'"),
        ("show < demo", "show has no order"),
        ("job ~ $sub", "a pattern is written in the rule"),
        ("job ~ '('", "is no pattern of RE2"),
        ("user = $sub user", "expected and, or, or the end"),
        ("", "expected a field"),
    ],
)
def test_what_stops_the_gateway(text: str, problem: str) -> None:
    with pytest.raises(BadCondition) as wrong:
        read_condition(text)
    assert problem in str(wrong.value)
    rules = [rule("artists", {"role": "artist"}, "all", only=text)]
    with pytest.raises(ConfigurationError, match="access rule 'artists': only = "):
        access_rules(settings_for("cuebot:1", access=rules))


def test_always_has_the_words_and_the_checks_of_may() -> None:
    def rules(**more: object) -> AccessRules:
        one = {**rule("artists", {"role": "artist"}, "all"), **more}
        return access_rules(settings_for("cuebot:1", access=[one]))

    schema = build_catalog(opencue(), Selection())
    kill = schema.routes["/job.JobInterface/Kill"]
    (spared,) = rules(only="user = $sub", always=["changes", "!job.JobInterface/Kill"])
    conditions = InCatalog.of(spared, schema)
    assert conditions is not None
    assert conditions.judges(kill)
    assert not conditions.judges(schema.routes["/job.JobInterface/Pause"])
    (wrong,) = rules(only="user = $sub", always=["job.*", "!job.JobInterface/Kil", "jbo.*"])
    assert "!job.JobInterface/Kil matches nothing" in wrong.unmatched(schema)[0]
    assert wrong.idle(schema) == ("jbo.*",)
    with pytest.raises(ValidationError, match="always is for rules with only"):
        rules(always=["job.JobInterface/Kill"])


@pytest.mark.parametrize(
    ("text", "known", "may_hold"),
    [
        ("user = $sub", {"user", "show"}, True),
        ("user = $sub", {"show"}, False),
        ("user = $sub and show in $shows", {"user", "show"}, True),
        ("user = $sub and show in $shows", {"show"}, False),
        ("user = $sub or show in $shows", {"show"}, True),
        ("user = $sub or show in $shows", {"host"}, False),
        ("not user = $sub", {"show"}, False),
    ],
)
def test_what_can_hold_of_an_object(text: str, known: set[str], may_hold: bool) -> None:
    assert read_condition(text).may_hold(known) == may_hold
