"""Rules of access on their own: which one a token has, what it allows, and those that we ship."""

import pickle
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.access.rights import AccessRules, AddedKeys, Rule, by_any_signer, covers
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.object_rights.restriction import ObjectConditions
from gateway.features.object_rights.settings import ObjectKeys
from gateway.features.settings import Settings, load_settings
from tests.features.access.rules import access_rules
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.protos import examples
from tests.support.rights import rule

pytestmark = needs("identity", "object_rights", "tokens")

KILL = "/job.JobInterface/Kill"


@cache
def catalog() -> Catalog:
    """All of OpenCue."""
    return build_catalog(opencue(), Selection(), load_profile("opencue"))


def rules(*access: dict[str, object], **more: object) -> AccessRules:
    return access_rules(Settings.model_validate({"access": access, **more}))


# --- Which rule -----------------------------------------------------------------------------
FITTING: dict[str, list[tuple[dict[str, object], dict[str, object]]]] = {
    "one": [
        ({}, {}),
        ({"sub": "lena"}, {"sub": "lena"}),
        ({"sub": ["tom", "le*"]}, {"sub": "lena"}),
        ({"scope": "read"}, {"scope": "write read"}),
        ({"scope": "read"}, {"scope": ["write", "read"]}),
        ({"groups": "render *"}, {"groups": ["render wranglers"]}),
        ({"realm_access": {"roles": "artist"}}, {"realm_access": {"roles": ["artist", "x"]}}),
        ({"role": "artist", "site": "l*"}, {"role": "artist", "site": "london", "more": 1}),
        ({"admin": "true"}, {"admin": True}),
        ({"level": "3"}, {"level": 3}),
    ],
    "access_default": [
        ({"sub": "lena"}, {"sub": "Lena"}),
        ({"sub": "admin"}, {"sub": "x admin"}),
        ({"sub": "*"}, {}),
        ({"scope": "read"}, {"scope": "readers"}),
        ({"scope": "job*write"}, {"scope": "job:read show:write"}),
        ({"scope": "*"}, {"scope": " "}),
        ({"scope": "*"}, {"scope": None}),
        ({"scope": "*"}, {"scope": []}),
        ({"scope": "*"}, {"scope": {"read": "read"}}),
        ({"roles": {"cue": "x"}}, {"roles": "cue"}),
        ({"roles": {"cue": "x"}}, {"roles": [{"cue": "x"}]}),
        ({"role": "artist", "site": "l*"}, {"role": "artist", "site": "paris"}),
    ],
}
"""What a rule asks for and the claims of a token, by the rule that the token has then."""


@pytest.mark.parametrize(
    ("who", "claims", "found"),
    [(who, claims, name) for name, pairs in FITTING.items() for who, claims in pairs],
)
def test_a_rule_fits(who: dict[str, object], claims: dict[str, object], found: str) -> None:
    """If all claims that it asks for are there: as they are, as a member, or nested."""
    assert rules(rule("one", who, "all")).rule_for(claims).name == found


# --- What it allows -------------------------------------------------------------------------
def test_without_a_rule() -> None:
    """`access_default` holds, and says so."""
    method = catalog().routes[KILL]
    rules().rule_for({"sub": "lena"}).check(method, catalog(), "lena")
    with pytest.raises(GatewayError) as caught:
        rules(access_default="deny").rule_for({"sub": "lena"}).check(method, catalog(), "lena")
    assert caught.value.code is Code.PERMISSION_DENIED
    assert caught.value.message == (
        "'lena' may not call /job.JobInterface/Kill"
        " (no access rule fits, and access_default is deny)"
    )


def naive(settings: dict[str, Any], claims: dict[str, Any], method: Method) -> bool:
    """The rules, read as they are documented, for flat claims."""
    names = [
        name
        for path, each in catalog().routes.items()
        if each is method
        for name in (path[1:], path[1:].split("/")[0])
    ]

    def named(each: str) -> bool:
        word = "reads" if method.reads_only else "changes"
        return each in ("all", word) or any(fnmatchcase(name, each) for name in names)

    for each in settings["access"]:
        if all(
            any(fnmatchcase(member, glob) for member in claims.get(name, "").split())
            for name, glob in each["who"].items()
        ):
            given = [may for may in each["may"] if not may.startswith("!")]
            taken = [may[1:] for may in each["may"] if may.startswith("!")]
            return any(map(named, given)) and not any(map(named, taken))
    return bool(settings["access_default"] == "allow")


GRANTS = st.sampled_from(["reads", "changes", "all", "job.*", "*/Get*", "frame.FrameInterface/*"])
TAKEN = st.sampled_from(["!reads", "!*/Kill", "!layer.*", "!job.JobInterface/Kill"])
WORDS = st.sampled_from(["read", "write", "admin"])
CLAIMS = st.dictionaries(
    st.sampled_from(["role", "scope"]), st.lists(WORDS, max_size=2).map(" ".join)
)
WHO = st.dictionaries(
    st.sampled_from(["role", "scope"]), st.sampled_from(["read", "*", "a*", "w*e"])
)


@pytest.mark.thorough
@examples(60)
@given(data=st.data())
def test_what_is_compiled_is_what_is_documented(data: st.DataObject) -> None:
    access = [
        rule(
            str(number),
            dict(who),
            *data.draw(st.lists(GRANTS, min_size=1, max_size=2)),
            *data.draw(st.lists(TAKEN, max_size=2)),
        )
        for number, who in enumerate(data.draw(st.lists(WHO, max_size=3)))
    ]
    settings = {"access": access, "access_default": data.draw(st.sampled_from(["allow", "deny"]))}
    compiled = access_rules(Settings.model_validate(settings))
    claims = data.draw(CLAIMS)
    for method in data.draw(st.lists(st.sampled_from(catalog().methods), min_size=1, max_size=5)):
        decided = method.path in compiled.rule_for(dict(claims)).allowed(catalog())
        assert decided == naive(settings, claims, method)


# --- Rules that can never decide ------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second", "dead"),
    [
        ({}, {"role": "artist"}, True),
        ({"role": "*"}, {"role": ["artist", "td"]}, True),
        ({"role": "a*"}, {"role": "art*", "site": "x"}, True),
        ({"a": {"b": "x"}}, {"a": {"b": "x", "c": "y"}}, True),
        ({"role": "artist"}, {}, False),
        ({"role": "artist"}, {"role": ["artist", "td"]}, False),
        ({"role": "artist", "site": "x"}, {"role": "artist"}, False),
        ({"role": "a?c"}, {"role": "a*c"}, False),
        ({"role": "*b*"}, {"role": "[abc]"}, False),
    ],
)
def test_shadowed_rules(first: dict[str, object], second: dict[str, object], dead: bool) -> None:
    both = rules(rule("first", first, "all"), rule("second", second, "all"))
    assert bool(both.unreachable) == dead
    for line in both.unreachable:
        assert line.startswith("access rule 'second' never decides: 'first'")


@pytest.mark.thorough
@examples(200)
@given(
    wide=st.text("ab*?[]", max_size=4),
    narrow=st.text("ab*?[]", max_size=4),
    text=st.text("ab*", max_size=4),
)
def test_a_glob_that_covers_another_matches_more(wide: str, narrow: str, text: str) -> None:
    if covers(wide, narrow) and fnmatchcase(text, narrow):
        assert fnmatchcase(text, wide)


def test_globs_that_name_nothing() -> None:
    """They are told, once for each catalog; those that take nothing away are another matter."""
    (one,) = rules(rule("one", {}, "all", "job.JobInterface/Kil", "!job.JobInterfaces", "!show.*"))
    idle = ("job.JobInterface/Kil",)
    assert one.idle(catalog()) == idle
    with capture_logs() as lines:
        one.allowed(catalog())
        one.allowed(catalog())
    assert [(each["log_level"], each["rule"], each["globs"]) for each in lines] == [
        ("warning", "one", idle)
    ]


def test_globs_that_take_nothing_away() -> None:
    """A misspelled one is told with the nearest name. Any name will do, also that of an alias, of
    what is excluded, and of what is never served."""
    given = rules(
        rule("one", {}, "all", "!job.JobInterface/Kil", "!frame.FrameInterface/Kill", "!rqd.*"),
        rule("two", {}, "all", "!changes", "!*/Kill", "!shows.*", "show.Nothing"),
    )
    served = build_catalog(
        opencue(), Selection(exclude=("job.FrameInterface",)), load_profile("opencue")
    )
    for each in (catalog(), served):
        assert given.unmatched(each) == (
            "access rule 'one': !job.JobInterface/Kil matches nothing that Cuebot has;"
            " did you mean job.JobInterface/Kill?",
            "access rule 'two': !shows.* matches nothing that Cuebot has",
        )


@pytest.mark.parametrize(
    ("who", "more", "warned"),
    [
        ({"sub": "user-id"}, {}, True),
        ({"sub": "user-id", "role": "x"}, {}, True),
        ({"sub": "user-id", "signed_by": "secret"}, {}, False),
        ({"sub": "user-id", "iss": "https://studio"}, {}, False),
        ({"role": "x"}, {}, False),
        ({"sub": "user-id"}, {"jwt_secret": None}, False),
        ({"sub": "user-id"}, {"jwt_jwks": None}, False),
    ],
)
def test_a_rule_that_cannot_tell_them_apart(
    who: dict[str, object], more: dict[str, object], warned: bool
) -> None:
    """It is warned about where there are tokens of both kinds, and it goes by the subject."""
    given: dict[str, object] = {"jwt_jwks": "https://studio/keys", "jwt_issuer": "https://studio"}
    given |= {"jwt_audience": "cue", "jwt_secret": "x" * 32}
    given["access"] = [rule("cueweb", who, "all")]
    warnings = by_any_signer(Settings.model_validate(given | more))
    assert len(warnings) == warned
    assert all("access rule 'cueweb'" in line and "signed_by" in line for line in warnings)


# --- Keys that features add -----------------------------------------------------------------
@dataclass(frozen=True)
class NothingNew:
    """A restriction: no call that has `Create` in its name, and no follow-up."""

    globs: tuple[str, ...] = ("job.*", "!jbo.*")
    terms: tuple[str, ...] = ("nothing new",)
    is_partial: bool = True
    never: Mapping[str, str] = field(default_factory=dict)
    as_written: Mapping[str, str] = field(default_factory=lambda: {"only": "nothing new"})

    def basis(self, claims: Mapping[str, object]) -> list[object]:
        return [claims.get("sub")]

    def applied(self, catalog: Catalog, allowed: Mapping[Method, Sequence[str]]) -> Self:
        new = {method.path: "it is new" for method in allowed if "Create" in method.path}
        return replace(self, never=new)

    def no_follow_up(self, method: Method) -> str:
        return "it would follow"

    def applying_to(self, method: Method) -> Sequence[str]:
        return ("nothing new",)

    def check_facts(self, *about: object) -> None:
        raise AssertionError(about)


def restricted() -> Rule:
    access = [rule("old", {}, "changes", only="nothing new")]
    added = AddedKeys(ObjectKeys, lambda rule: NothingNew())
    return AccessRules(Settings.model_validate({"access": access}), [added]).rule_for({})


def test_a_feature_takes_away_what_a_rule_allows() -> None:
    one = restricted()
    create = next(each for each in catalog().methods if "Create" in each.path)
    kill = catalog().routes[KILL]
    assert create.path not in one.allowed(catalog())
    assert kill.path in one.allowed(catalog())
    with pytest.raises(
        GatewayError, match=r"may not call .*Create.*: it is new \(access rule 'old'"
    ):
        one.check(create, catalog(), "lena")
    one.check(kill, catalog(), "lena")
    with pytest.raises(GatewayError, match="which 'x' asks for: it would follow"):
        one.check(kill, catalog(), "lena", asked_by="x")


@pytest.mark.parametrize("text", ["user = $sub", ""])
def test_a_key_that_nobody_reads_is_refused(text: str) -> None:
    """An empty one, too: without it, the rule would allow more than was meant."""
    settings = Settings.model_validate({"access": [rule("old", {}, "all", only=text)]})
    with pytest.raises(ConfigurationError, match="'old': only: the feature with this key is not"):
        AccessRules(settings)


def test_what_a_feature_adds_is_part_of_the_rule() -> None:
    one, plain = restricted(), rules(rule("old", {}, "changes")).rule_for({})
    assert one.is_partial
    assert one.terms != plain.terms
    assert one.terms == restricted().terms
    assert one.basis({"sub": "lena"}) != one.basis({"sub": "bo"})
    assert plain.basis({"sub": "lena"}) == ""
    assert "!jbo.* matches nothing" in one.unmatched(catalog())[0]


def test_a_key_that_no_feature_reads_is_not_ignored() -> None:
    """The rule would allow more than it says."""
    for key in ("only", "see"):
        settings = Settings.model_validate(
            {"access": [rule("own", {}, "all", **{key: "user = x"})]}
        )
        with pytest.raises(ConfigurationError, match=f"access rule 'own': {key}: the feature"):
            AccessRules(settings)


# --- The rules that config/access.toml ships -------------------------------------------------
ROOT = Path(__file__).parents[3]
FILE = ROOT / "config" / "access.toml"
PAGES = ("access.md", "object-rights.md", "identity.md")
SETTINGS = load_settings({"GATEWAY_CONFIG": str(FILE)})
RULES = access_rules(SETTINGS)

SEE_JOBS = "job.JobInterface/GetJobs"
GET_SHOWS = "show.ShowInterface/GetShows"
KILL_JOB = "job.JobInterface/Kill"
LAUNCH = "job.JobInterface/LaunchSpecAndWait"
LOCK = "host.HostInterface/Lock"
CREATE_SHOW = "show.ShowInterface/CreateShow"
ASKED = (SEE_JOBS, KILL_JOB, LAUNCH, LOCK, CREATE_SHOW)


@pytest.mark.parametrize(
    ("claims", "name", "may"),
    [
        ({"sub": "board", "scope": "openid read"}, "dashboards", (SEE_JOBS,)),
        ({"sub": "kim", "role": "submitter"}, "submitters", (SEE_JOBS, LAUNCH)),
        ({"sub": "lena", "role": ["artist", "wrangler"]}, "wranglers", (SEE_JOBS, KILL_JOB, LOCK)),
        ({"sub": "root", "role": "admin"}, "administrators", ASKED),
        (
            {"sub": "user-id", "signed_by": "secret"},
            "cueweb",
            (SEE_JOBS, KILL_JOB, LOCK, CREATE_SHOW),
        ),
        ({"sub": "user-id", "signed_by": "provider"}, "access_default", ()),
        ({"sub": "tom", "role": "artist"}, "artists", (SEE_JOBS, KILL_JOB)),
        ({"sub": "tom", "role": "supervisor"}, "supervisors", (SEE_JOBS, KILL_JOB)),
        ({"sub": "tom", "role": "guest"}, "access_default", ()),
    ],
)
def test_what_each_rule_allows(claims: dict[str, object], name: str, may: tuple[str, ...]) -> None:
    rule = RULES.rule_for(claims)
    allowed = rule.allowed(catalog())
    assert (rule.name, tuple(each for each in ASKED if f"/{each}" in allowed)) == (name, may)


def test_everybody_who_may_do_something_may_see_the_shows() -> None:
    """Jobs, hosts and groups are found by show, so that whoever looks for them begins there."""
    rules = [rule for rule in RULES if rule.allowed(catalog())]
    assert len(rules) == len(SETTINGS.access) - 1  # `monitoring` sees the gateway alone
    assert [rule.name for rule in rules if f"/{GET_SHOWS}" not in rule.allowed(catalog())] == []


def test_the_pages_show_the_rules_of_the_file() -> None:
    text = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in PAGES)
    blocks = re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)
    shown = [tomllib.loads(block) for block in blocks]
    shipped = tomllib.loads(FILE.read_text(encoding="utf-8"))
    rules = {rule["name"]: rule for rule in shipped["access"]}
    names = [rule["name"] for page in shown for rule in page["access"]]
    assert names == [
        *("dashboards", "wranglers", "artists", "supervisors", "freelancers", "cueweb")
    ]
    for page in shown:
        assert page["access"] == [rules[rule["name"]] for rule in page["access"]]
        assert page.get("access_default", shipped["access_default"]) == shipped["access_default"]


def test_each_rule_can_decide_and_each_glob_names_something() -> None:
    assert RULES.unreachable == ()
    assert [rule.idle(catalog()) for rule in RULES] == [()] * len(SETTINGS.access)
    reads = {method.path for method in catalog().methods if method.reads_only}
    for each in RULES:  # `reads` of those who may not see all has some that cannot be judged
        conditions = ObjectConditions.of(each)
        sees_a_part = conditions is not None and conditions.see is not None
        assert each.never(catalog()).keys() <= (reads if sees_a_part else set())


def test_only_cueweb_speaks_for_others() -> None:
    assert SETTINGS.identity == "force"
    assert [rule.name for rule in RULES if rule.identity != "force"] == ["cueweb"]


def test_settings_reach_other_processes() -> None:
    """As those of workers do."""
    rule = {"name": "own", "who": {"sub": "*"}, "may": ["all"], "only": "user = $sub"}
    settings = Settings.model_validate({"access": [rule]})
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - its own
