"""`cuebot-gateway check --as`: which rule decides about a token, and what it may do."""

import json
from pathlib import Path

import pytest

from gateway_cli.checks import run_checks
from gateway_cli.client.invalid import InvalidCall
from gateway_cli.decision import claims_from
from tests.support.commands import OPENCUE, Ran, in_process
from tests.support.rights import rule
from tests.support.servers import settings_for

EXAMPLE = Path(__file__).parents[2] / "config" / "access.toml"


def check(*arguments: str) -> Ran:
    """What `check` says of the shipped example."""
    return in_process("check", "--config", str(EXAMPLE), *arguments, DESCRIPTOR_SOURCE=OPENCUE)


@pytest.mark.parametrize(
    ("written", "claims"),
    [
        (["role=artist"], {"role": "artist"}),
        (["role=a=b"], {"role": "a=b"}),
        (["role=artist", "role=td", "role=x"], {"role": ["artist", "td", "x"]}),
        (["realm_access.roles=td", "sub=kim"], {"realm_access": {"roles": "td"}, "sub": "kim"}),
        (['{"https://x.y/role": ["td"]}', "sub=kim"], {"https://x.y/role": ["td"], "sub": "kim"}),
    ],
)
def test_claims(written: list[str], claims: dict[str, object]) -> None:
    """They are written as people would say them, or as JSON."""
    assert claims_from(written) == claims


@pytest.mark.parametrize("written", [["role"], ["=x"], ["{x"], ["a=b", "a.c=d"]])
def test_what_are_no_claims(written: list[str]) -> None:
    """The error says how to write them."""
    with pytest.raises(InvalidCall, match="--as: "):
        claims_from(written)


def test_a_denied_method() -> None:
    """The rule, the method's native name and kind, and the answer that a call would get."""
    ran = check("--as", "role=submitter", "--as", "sub=kim", "layer.LayerInterface/Kill")
    assert ran.status == 1
    lines = [" ".join(line.split()) for line in ran.text.splitlines()]
    assert lines[0] == 'Claims {"role":"submitter","sub":"kim"}'
    assert lines[1:3] == ["Rule submitters", "Identity force"]
    assert lines[4:] == [
        "Method /job.LayerInterface/KillFrames (changes something)",
        "Decision denied: 'kim' may not call /job.LayerInterface/KillFrames"
        " (access rule 'submitters')",
    ]


def test_an_allowed_method_as_json() -> None:
    """With all that the token may call."""
    ran = check("--as", "scope=read", "Job/GetJobs", "--json")
    assert ran.status == 0
    found = json.loads(ran.out)
    assert (found["rule"], found["method"]) == ("dashboards", "/job.JobInterface/GetJobs")
    assert (found["reads"], found["problem"]) == (True, "")
    assert "/job.JobInterface/GetJobs" in found["allowed"]
    assert "/job.JobInterface/Kill" not in found["allowed"]
    assert len(found["allowed"]) < found["methods"]


def test_claims_that_no_rule_fits() -> None:
    """Without a method, it says how much the token may call."""
    ran = check("--as", "role=artist")
    assert ran.status == 0
    assert "Rule      access_default" in ran.text
    assert "May call  0 of " in ran.text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["job.JobInterface/Kill"], "or --as: who would call it?"),
        (["--as", "role", "Job/Kill"], "such as role=artist"),
        (["--as", "role=x", "Job/Kil"], "did you mean Kill?"),
    ],
)
def test_wrong_usage(arguments: list[str], problem: str) -> None:
    """One line says what is wrong, with status 2."""
    ran = check(*arguments)
    assert ran.status == 2
    assert problem in ran.err


@pytest.mark.anyio
async def test_check_warns_of_rules_that_do_nothing() -> None:
    """Of those that can never decide, and of globs that name nothing; the latter are wrong if they
    were to take something away."""
    access = [
        rule("all", {"role": "*"}, "all", "!job.JobInterface/Kil", "job.JobInterface/Kil"),
        rule("td", {"role": "td"}, "reads"),
    ]
    settings = settings_for("127.0.0.1:1", access=access, descriptor_source=OPENCUE)
    report = await run_checks(settings)
    assert report.warnings[0].startswith("access rule 'td' never decides: 'all'")
    assert "access rule 'all': job.JobInterface/Kil matches nothing" in report.warnings
    wrong = "access rule 'all': !job.JobInterface/Kil matches nothing that Cuebot has"
    assert any(problem.startswith(wrong) for problem in report.problems)
    assert report.settings_wrong
