"""The rules that config/access.toml ships: they load, and do what their comments say."""

from pathlib import Path

import pytest

from gateway.access.rights import AccessRules
from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.schema.selection import Selection
from gateway_cli.loading import load_settings
from tests.support.opencue import opencue

FILE = Path(__file__).parents[2] / "config" / "access.toml"
SETTINGS = load_settings({"GATEWAY_CONFIG": str(FILE)})
RULES = AccessRules(SETTINGS)
CATALOG = build_catalog(opencue(), Selection(), load_profile("opencue"))

GET_JOBS = "job.JobInterface/GetJobs"
KILL = "job.JobInterface/Kill"
LAUNCH = "job.JobInterface/LaunchSpecAndWait"
LOCK = "host.HostInterface/Lock"
CREATE_SHOW = "show.ShowInterface/CreateShow"
ASKED = (GET_JOBS, KILL, LAUNCH, LOCK, CREATE_SHOW)


@pytest.mark.parametrize(
    ("claims", "name", "may"),
    [
        ({"sub": "board", "scope": "openid read"}, "dashboards", (GET_JOBS,)),
        ({"sub": "kim", "role": "submitter"}, "submitters", (GET_JOBS, LAUNCH)),
        ({"sub": "lena", "role": ["artist", "wrangler"]}, "wranglers", (GET_JOBS, KILL, LOCK)),
        ({"sub": "root", "role": "admin"}, "administrators", ASKED),
        (
            {"sub": "user-id", "signed_by": "secret"},
            "cueweb",
            (GET_JOBS, KILL, LOCK, CREATE_SHOW),
        ),
        ({"sub": "user-id", "signed_by": "provider"}, "access_default", ()),
        ({"sub": "tom", "role": "artist"}, "access_default", ()),
    ],
)
def test_what_each_of_them_may_do(
    claims: dict[str, object], name: str, may: tuple[str, ...]
) -> None:
    """Of a read, a change of a job, a launch, a change of a host, and one of the farm."""
    rule = RULES.rule_for(claims)
    allowed = rule.allowed(CATALOG)
    assert (rule.name, tuple(each for each in ASKED if f"/{each}" in allowed)) == (name, may)


def test_each_rule_can_decide_and_each_glob_names_something() -> None:
    """`check` has nothing to say against them."""
    assert RULES.unreachable == ()
    assert [rule.idle(CATALOG) for rule in RULES] == [()] * len(SETTINGS.access)


def test_only_cueweb_speaks_for_others() -> None:
    """Everybody else is who the token says."""
    assert SETTINGS.identity == "force"
    assert [rule.name for rule in RULES if rule.identity != "force"] == ["cueweb"]
