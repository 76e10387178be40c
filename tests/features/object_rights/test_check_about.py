"""`cuebot-gateway check --as` of rules, and with `--about` of what a call would change."""

import json
from pathlib import Path

import pytest

from gateway.core.errors import GatewayError
from gateway.features.object_rights.known_facts import known_facts
from gateway_cli.checks import run_checks
from gateway_cli.client.cuebot import discover_once
from gateway_cli.client.method_names import find_method
from tests.features.access.rules import access_rules
from tests.support.commands import OPENCUE, Ran, in_process
from tests.support.farms import running_farm, still_farm
from tests.support.needs import needs
from tests.support.rights import rule
from tests.support.servers import settings_for

pytestmark = needs("identity")  # the example has IDENTITY

EXAMPLE = Path(__file__).parents[3] / "config" / "access.toml"


def check(*arguments: str) -> Ran:
    """What `check` says of the shipped example."""
    return in_process("check", "--config", str(EXAMPLE), *arguments, DESCRIPTOR_SOURCE=OPENCUE)


def test_a_denied_method() -> None:
    """The rule, the method's native name and kind, and the answer that a call would get."""
    ran = check("--as", "role=submitter", "--as", "sub=kim", "layer.LayerInterface/KillFrames")
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
    ran = check("--as", "scope=read", "Job/GetJobs", "--json")
    assert ran.status == 0
    found = json.loads(ran.out)
    assert (found["rule"], found["method"]) == ("dashboards", "/job.JobInterface/GetJobs")
    assert (found["reads"], found["problem"]) == (True, "")
    assert "/job.JobInterface/GetJobs" in found["allowed"]
    assert "/job.JobInterface/Kill" not in found["allowed"]
    assert len(found["allowed"]) < found["methods"]


def test_claims_that_no_rule_fits() -> None:
    ran = check("--as", "role=guest")
    assert ran.status == 0
    assert "Rule      access_default" in ran.text
    assert "May call  0 of " in ran.text


@pytest.mark.anyio
async def test_check_warns_of_rules_that_do_nothing() -> None:
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


LENA, KILL, RETRY = ("--as", "sub=lena"), "job.JobInterface/Kill", "job.LayerInterface/RetryFrames"
GET_LAYERS, FREELANCE = "job.JobInterface/GetLayers", ("--as", "role=freelance", "--as", "shows=a")


@pytest.mark.parametrize(
    ("arguments", "status", "decision"),
    [
        ((*LENA, "--as", "role=artist", KILL), 0, "allowed if user = $sub (--about user=…"),
        ((*LENA, "--as", "role=artist", KILL, "--about", "user=lena"), 0, "allowed"),
        ((*LENA, "--as", "role=artist", KILL, "--about", "user=bo"), 1, "it has user 'bo'"),
        ((*LENA, *FREELANCE, GET_LAYERS), 0, "allowed what fits show in $shows"),
        ((*LENA, *FREELANCE, GET_LAYERS, "--about", "show=a"), 0, "allowed"),
        (
            (*LENA, *FREELANCE, GET_LAYERS, "--about", "show=b"),
            1,
            "show 'b' may not be seen: a 404",
        ),
        ((*LENA, *FREELANCE, RETRY), 0, "allowed if show in $shows and user = $sub"),
        ((*LENA, *FREELANCE, RETRY, "--about", "show=a", "--about", "user=bo"), 1, "user 'bo'"),
        ((*LENA, *FREELANCE, "limit.LimitInterface/GetAll"), 1, "a fact that the rule is about"),
    ],
)
def test_what_a_call_is_about(arguments: tuple[str, ...], status: int, decision: str) -> None:
    ran = check(*arguments)
    assert ran.status == status
    (line,) = [line for line in ran.text.splitlines() if line.startswith("Decision")]
    assert decision in line


def test_the_conditions_of_a_rule() -> None:
    """Refusals have the rule's name alone."""
    told = check(*LENA, *FREELANCE, RETRY)
    assert "Only      user = $sub\nSee       show in $shows\n" in told.text
    found = json.loads(check(*LENA, *FREELANCE, "--json").out)
    assert found["conditions"] == {"only": "user = $sub", "see": "show in $shows"}


@pytest.mark.anyio
async def test_cuebot_is_asked_what_a_name_is_about() -> None:
    async with running_farm(still_farm()) as cuebot:
        settings = settings_for(cuebot.endpoint)
        catalog = await discover_once(settings)
        job = next(iter(cuebot.farm.jobs.values()))
        method = find_method(KILL, catalog)
        condition = "user = $sub or show in $shows"
        given = settings_for(cuebot.endpoint, access=[rule("own", {}, "all", only=condition)])
        own = access_rules(given).rule_for({})
        known = await known_facts(settings, catalog, method, {"job": job.name}, own)
        assert (known["user"], known["show"]) == (job.user, job.show)
        lena = {"user": "lena"}
        assert await known_facts(settings, catalog, method, lena, own) == lena
        with pytest.raises(GatewayError, match="say what it is about: --about user="):
            await known_facts(settings, catalog, method, {"job": "no-such-job"}, own)
