"""The rules that config/access.toml ships: they load, and do what their comments say."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.access.rights import AccessRules
from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.schema.selection import Selection
from gateway.settings.loading import load_settings
from tests.support.opencue import opencue

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config" / "access.toml"
PAGE = ROOT / "docs" / "access.md"
SETTINGS = load_settings({"GATEWAY_CONFIG": str(FILE)})
RULES = AccessRules(SETTINGS)
CATALOG = build_catalog(opencue(), Selection(), load_profile("opencue"))

GET_JOBS = "job.JobInterface/GetJobs"
GET_SHOWS = "show.ShowInterface/GetShows"
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
        ({"sub": "user-id", "signed_by": "secret"}, "cueweb", (GET_JOBS, KILL, LOCK, CREATE_SHOW)),
        ({"sub": "user-id", "signed_by": "provider"}, "access_default", ()),
        ({"sub": "tom", "role": "artist"}, "access_default", ()),
    ],
)
def test_what_each_rule_allows(claims: dict[str, object], name: str, may: tuple[str, ...]) -> None:
    rule = RULES.rule_for(claims)
    allowed = rule.allowed(CATALOG)
    assert (rule.name, tuple(each for each in ASKED if f"/{each}" in allowed)) == (name, may)


def test_everybody_who_may_do_something_may_see_the_shows() -> None:
    """Jobs, hosts and groups are found by show, so that whoever looks for them begins there."""
    rules = [rule for rule in RULES if rule.allowed(CATALOG)]
    assert len(rules) == len(SETTINGS.access)
    assert [rule.name for rule in rules if f"/{GET_SHOWS}" not in rule.allowed(CATALOG)] == []


def test_the_page_shows_the_rules_of_the_file() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    shown = [tomllib.loads(block) for block in blocks]
    shipped = tomllib.loads(FILE.read_text(encoding="utf-8"))
    rules = {rule["name"]: rule for rule in shipped["access"]}
    names = [rule["name"] for page in shown for rule in page["access"]]
    assert names == ["dashboards", "wranglers", "cueweb"]
    for page in shown:
        assert page["access"] == [rules[rule["name"]] for rule in page["access"]]
        assert page.get("access_default", shipped["access_default"]) == shipped["access_default"]


def test_each_rule_can_decide_and_each_glob_names_something() -> None:
    assert RULES.unreachable == ()
    assert [rule.idle(CATALOG) for rule in RULES] == [()] * len(SETTINGS.access)


def test_only_cueweb_speaks_for_others() -> None:
    assert SETTINGS.identity == "force"
    assert [rule.name for rule in RULES if rule.identity != "force"] == ["cueweb"]
