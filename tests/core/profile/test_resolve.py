"""What the compatibility profile comes to for a schema."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.plan import plan
from gateway.core.calls.steps import LookUp, Rewrites, Steps
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import GatewayError
from gateway.core.schema.catalog import Catalog, UnusedEntry
from gateway.core.schema.description import Schema, assumed_schema, services_of
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog, load_profile
from gateway.features.names.aspect import RequestNames
from gateway.features.views.compiled_view import AnswerViews
from tests.support.needs import missing, needs
from tests.support.opencue import opencue
from tests.support.protos import file_of_services, trial
from tests.support.richer import FIELDS, METHODS, richer
from tests.support.servers import Gateway, ScriptedCuebot, running_cuebot

pytestmark = [pytest.mark.slow, needs("names", "views")]

NATIVE = "Cuebot has it itself"


def entries(profile: Profile) -> set[str]:
    """The names of all entries but those of `missing`, as `UnusedEntry` has them."""
    found = {f"methods.{name}" for name in profile.methods} | {"probe"}
    for section in ("requests", "defaults", "needed", "rows", "answers"):
        for name, paths in getattr(profile, section).items():
            found |= {f"{section}.{name}.{path}" for path in paths}
    for kind in ("before", "unique", "after"):
        found |= {f"{kind}.{each.method}.{each.given}" for each in getattr(profile, kind)}
    return found | names(profile)


def names(profile: Profile) -> set[str]:
    """The same of objects that a name will do for."""
    return {f"named.{e.message}.{path}" for e in profile.named for path in (*e.fields, *e.ids)}


def resolved(profile: Profile, **selection: Any) -> Catalog:
    return build_catalog(opencue(), Selection(**selection), profile)


def why_unused(content: dict[str, Any]) -> str:
    """Why the only entry of a profile is unused next to OpenCue's schema."""
    (unused,) = resolved(Profile.model_validate(content)).idle.entries
    return unused.reason


@pytest.fixture(scope="module")
def ours() -> Catalog:
    """OpenCue's methods with its profile."""
    return resolved(load_profile("opencue"))


def test_everything_applies_to_opencue(ours: Catalog) -> None:
    assert ours.idle.entries == ()


def test_every_unit_is_of_a_field(ours: Catalog) -> None:
    """A field that OpenCue had under another name would have none, in silence."""
    profile = load_profile("opencue")
    names = [
        (message, field)
        for messages in profile.units.values()
        for message, fields in messages.items()
        for field in fields
    ]
    assert len(names) == len(set(names)) > 100
    units = AnswerViews.of(ours.routes["/job.JobInterface/GetJobs"]).units
    assert len(units) == len(names)
    assert (units["job.Frame.max_rss"], units["job.Job.start_time"]) == ("kB", "time")


def test_a_unit_of_what_an_older_cuebot_lacks_is_no_loss() -> None:
    units = {"kB": {"job.Nothing": ["a"], "job.Frame": ["newRss", "max_rss"]}}
    catalog = resolved(Profile.model_validate({"units": units}))
    assert catalog.idle.entries == ()
    assert dict(AnswerViews.of(catalog.methods[0]).units) == {"job.Frame.max_rss": "kB"}


def test_the_probe_is_a_method_that_is_served(ours: Catalog) -> None:
    profile = load_profile("opencue")
    assert ours.probe == f"/{profile.probe}"
    assert resolved(profile, exclude=("service.*",)).probe == ""
    assert resolved(Profile()).probe == ""
    assert why_unused({"probe": "a.B/C"}) == "a.B/C is not served"


def test_requests_to_other_methods_pay_nothing(ours: Catalog) -> None:
    profile = load_profile("opencue")
    touched = {
        method.path[1:] for method in ours.methods if {Rewrites, Steps} & method.aspects.keys()
    }
    named = {*profile.requests, *profile.defaults, *profile.needed, *profile.rows}
    named |= {each.method for each in profile.before} | {each.method for each in profile.unique}
    named |= {each.method for each in profile.after}
    assert touched == named


def another_schema() -> Schema:
    files = trial().files
    return Schema(files=files, services=services_of(files), origin="test", confirmed=True)


def test_nothing_applies_to_another_schema() -> None:
    schema = another_schema()
    profile = load_profile("opencue")
    catalog = build_catalog(schema, Selection(), profile)
    idle = {each.entry: each.reason for each in catalog.idle.entries}
    by_name = (
        "answers",
        "called",
        "columns",
        "owned",
        "elsewhere",
        "missing",
        "identity",
        "identity_in_xml",
        "about",
        "shown",
        "narrowed",
        "names",
    )
    panels = profile.panels
    assert idle.keys() == {
        *(each for each in entries(profile) if not each.startswith("answers.")),
        *(f"filters.{each.kind}" for each in profile.filters),
        *(
            f"{section}.{name}"
            for section in (*by_name, "pages", "near", "obstacles", "watched", "written")
            for name in getattr(profile, section)
        ),
        *(f"instead.{each.method}" for each in profile.instead),
        *(f"panels.{name}" for name in panels.panels),
        *(f"panels.objects.{each.title}" for each in panels.objects),
        *(f"panels.completions.{each.method}" for each in panels.completions),
        *(f"panels.destroys.{glob}" for glob in panels.destroys),
        *(["logs"] if not missing(["logs"]) else []),
    }
    for reason in idle.values():
        assert reason.endswith("is not served") or reason.startswith("there is no ")
    for method in catalog.methods:
        assert not {Rewrites, Steps} & method.aspects.keys()
        assert not RequestNames.of(method).references
    assert (catalog.directory.aliases, catalog.absent.missing, catalog.absent.withheld) == (
        {},
        {},
        {},
    )


def test_a_method_that_streams_cannot_be_a_step() -> None:
    schema = another_schema()
    streaming = next(
        method.path[1:] for method in build_catalog(schema, Selection()).methods if method.streams
    )
    profile = Profile(methods={f"{streaming}Again": streaming})
    (idle,) = build_catalog(schema, Selection(), profile).idle.entries
    assert idle.reason == f"{streaming} streams"


def limits_by(method: str) -> list[str]:
    """The entries for a limit that is no id, which no document speaks of."""
    before = f"before.{method}"
    return [f"requests.{method}.limit.id", f"{before}.limit.name"]


COMMENTED = ("job.JobInterface", "host.HostInterface")
WRITTEN_BY_PEOPLE = (
    "job.JobInterface/SetPriority.priority",
    *(f"job.JobInterface/SetMaxCores.{name}" for name in ("cores", "maxCores")),
    *(f"job.JobInterface/SetMinCores.{name}" for name in ("cores", "minCores")),
    *(f"{kind}/AddComment.{name}" for kind in COMMENTED for name in ("comment", "message", "text")),
    "host.HostInterface/SetAllocation.allocation",
    *(f"job.JobInterface/RetryFrames.{name}" for name in ("state", "layer", "range")),
    *(f"job.JobInterface/EatFrames.{name}" for name in ("state", "layer", "range")),
    *(f"job.JobInterface/KillFrames.{name}" for name in ("state", "layer", "range")),
    *(f"job.JobInterface/MarkDoneFrames.{name}" for name in ("state", "layer", "range")),
    "host.HostInterface/GetHosts.allocation",
    "host.ProcInterface/GetProcs.allocation",
)
"""Names that no document has, nor Cuebot."""


def test_it_falls_silent_next_to_the_real_thing() -> None:
    profile = load_profile("opencue")
    catalog = build_catalog(richer(), Selection(), profile)
    silent = {each.entry for each in catalog.idle.entries if each.reason == NATIVE}
    wanted = {
        "probe",
        *(f"defaults.{name}.{path}" for name, each in profile.defaults.items() for path in each),
        *(f"needed.{name}.{path}" for name, each in profile.needed.items() for path in each),
        *(f"rows.{name}.{path}" for name, each in profile.rows.items() for path in each),
        *(f"unique.{each.method}.name" for each in profile.unique),
        *(
            name
            for each in ("Add", "Drop")
            for name in limits_by(f"job.LayerInterface/{each}Limit")
        ),
        *(f"before.job.GroupInterface/FindGroup.job.{by}" for by in ("id", "name")),
        *names(profile),
        *(f"requests.{each}" for each in WRITTEN_BY_PEOPLE),
    }
    assert entries(profile) - silent == wanted
    assert not catalog.absent.missing
    twice = "requests.job.JobInterface/GetJobs.r.show"  # beside r.show.name
    assert len(FIELDS) + len(METHODS) == len(silent - {twice})


def test_an_alias_does_not_walk_around_an_exclusion() -> None:
    selection = Selection(exclude=("job.LayerInterface/Kill", "host.ProcInterface/GetProc"))
    catalog = build_catalog(richer(), selection, load_profile("opencue"))
    assert "/layer.LayerInterface/Kill" not in catalog.routes
    assert UnusedEntry("methods.job.LayerInterface/Kill", NATIVE) in catalog.idle.entries
    assert not catalog.absent.missing


def test_an_alias_of_an_excluded_method_is_none() -> None:
    catalog = resolved(load_profile("opencue"), exclude=("job.LayerInterface/KillFrames",))
    assert "/layer.LayerInterface/Kill" not in catalog.routes
    reasons = {entry.reason for entry in catalog.idle.entries}
    assert reasons == {"job.LayerInterface/KillFrames is not served"}


FIND_LAYER = {
    "method": "job.LayerInterface/FindLayer",
    "given": "job.id",
    "call": "job.JobInterface/GetJob",
    "send": "id",
    "take": "job.name",
    "put": "job",
}
CREATE_SHOW = {
    "method": "show.ShowInterface/CreateShow",
    "given": "cores",
    "call": "show.ShowInterface/SetDefaultMinCores",
    "send": "minCores",
    "with": {"show.id": "show.id"},
}
FIND_SHOW = {"call": "show.ShowInterface/FindShow", "with": {"show.name": "name"}, "take": "show"}
NEW_SHOW = {
    "method": "show.ShowInterface/CreateShow",
    "given": "name",
    "call": "show.ShowInterface/FindShow",
    "send": "name",
    "found": "show.name",
}
BY_NAME = {
    "message": "job.Job",
    "fields": ["job"],
    "by": {"call": "job.JobInterface/FindJob", "send": {"name": "name"}, "take": "job.id"},
}
SET_CORES = "job.GroupInterface/SetMinCores"
GET_UPDATED = "job.JobInterface/GetUpdatedFrames"


def by(**other: object) -> dict[str, Any]:
    """BY_NAME, found otherwise."""
    return BY_NAME | {"by": {**BY_NAME["by"], **other}}  # type: ignore[dict-item]


GET_FRAMES = "job.JobInterface/GetFrames"
PAGES = {"default": 10, "views": 100, "page": "req.part"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"methods": {"job.JobInterface/Stop": "job.JobInterface/End"}}, "is not served"),
        ({"methods": {"job.JobInterface/Kill": "job.JobInterface/Pause"}}, NATIVE),
        ({"requests": {"job.JobInterface/End": {"a": "b"}}}, "is not served"),
        ({"requests": {SET_CORES: {"cores": "most"}}}, "has no most"),
        ({"requests": {SET_CORES: {"cores": "minCores.most"}}}, "has no minCores.most"),
        ({"requests": {SET_CORES: {"minCores": "group.id"}}}, NATIVE),
        ({"requests": {SET_CORES: {"min_cores": "group.id"}}}, NATIVE),
        ({"requests": {SET_CORES: {"cores": "minCores[]"}}}, "minCores[] is no list"),
        ({"requests": {"job.JobInterface/GetJobs": {"show": "r.shows"}}}, "r.shows is a list"),
        ({"defaults": {SET_CORES: {"minCores": "4"}}}, "minCores cannot be '4'"),
        ({"defaults": {SET_CORES: {"minCores": 4}}}, "minCores cannot be 4"),
        ({"defaults": {SET_CORES: {"name": "4"}}}, "has no name"),
        ({"defaults": {SET_CORES: {"minCores": "now"}}}, "minCores cannot be 'now'"),
        ({"defaults": {GET_UPDATED: {"lastCheck": "0"}}}, "lastCheck cannot be '0'"),
        ({"named": [BY_NAME | {"message": "job.Task"}]}, "there is no such job.Task in a request"),
        ({"named": [BY_NAME | {"fields": ["jobs"]}]}, "there is no such job.Job in a request"),
        ({"named": [BY_NAME | {"methods": ["show.*/*"]}]}, "there is no such job.Job in a request"),
        ({"named": [by(call="job.JobInterface/Look")]}, "is not served"),
        ({"named": [by(send={"title": "name"})]}, "has no title"),
        ({"named": [by(send={"name": ["name", "title"]})]}, "job.Job has no title"),
        ({"named": [by(beside={"show": "show"})]}, "has no show"),
        ({"named": [by(take="job.priority")]}, "have different types"),
        (
            {"named": [BY_NAME | {"message": "host.HostSearchCriteria", "fields": ["r"]}]},
            "has no id",
        ),
        ({"unique": [NEW_SHOW | {"call": "show.ShowInterface/Look"}]}, "is not served"),
        ({"unique": [NEW_SHOW | {"given": "title"}]}, "has no title"),
        ({"unique": [NEW_SHOW | {"send": "title"}]}, "has no title"),
        ({"unique": [NEW_SHOW | {"found": "show"}]}, "show is not a single value"),
        ({"unique": [NEW_SHOW | {"found": "show.active"}]}, "have different types"),
        ({"answers": {"job.Nothing": {"a": "b"}}}, "there is no message job.Nothing"),
        ({"answers": {"job.Layer": {"minCores": "maxCores"}}}, NATIVE),
        ({"answers": {"job.Layer": {"min_cores": "maxCores"}}}, NATIVE),
        ({"answers": {"job.Layer": {"least": "fewest"}}}, "job.Layer has no fewest"),
        ({"answers": {"job.Layer": {"labels": "tags"}}}, "tags is not a single value"),
        ({"answers": {"job.Layer": {"stats": "layerStats"}}}, "is not a single value"),
        ({"units": {"time": {"job.Frame": ["name"]}}}, "name is no number"),
        ({"called": {"job.Nothing": {"a": "b"}}}, "there is no message job.Nothing"),
        ({"called": {"job.Job": {"user": "name"}}}, NATIVE),
        ({"called": {"job.Job": {"owner": "title"}}}, "job.Job has no title"),
        ({"called": {"job.Job": {"owner": {"field": "title", "before": "/"}}}}, "has no title"),
        ({"called": {"job.Job": {"cores": {"field": "minCores", "before": "/"}}}}, "is no text"),
        ({"elsewhere": {"job.Nothing": {"a": "b"}}}, "there is no message job.Nothing"),
        ({"needed": {"job.JobInterface/Look": {"job": "which?"}}}, "is not served"),
        ({"needed": {SET_CORES: {"show": "which?"}}}, "has no show"),
        (
            {"needed": {SET_CORES: {"minCores": "how many?"}}},
            "minCores is neither an object nor a text",
        ),
        ({"rows": {GET_FRAMES: {"req.limit": PAGES}}}, "has no req.part"),
        ({"before": [FIND_LAYER | {"call": "job.JobInterface/Look"}]}, "is not served"),
        ({"before": [FIND_LAYER | {"send": "key"}]}, "has no key"),
        ({"before": [FIND_LAYER | {"take": "job.title"}]}, "has no job.title"),
        ({"before": [FIND_LAYER | {"put": "task"}]}, "has no task"),
        ({"before": [FIND_LAYER | {"take": "job"}]}, "job is not a single value"),
        ({"before": [FIND_LAYER | {"take": "job.priority"}]}, "have different types"),
        ({"before": [FIND_LAYER | {"same": "layer.key"}]}, "has no layer.key"),
        ({"before": [FIND_LAYER | {"same": "layer"}]}, "layer is not a single value"),
        ({"before": [FIND_LAYER | {"same": "layer.id"}]}, "changes something before"),
        ({"after": [CREATE_SHOW | {"given": "name"}]}, NATIVE),
        ({"after": [CREATE_SHOW | {"call": "show.ShowInterface/Set"}]}, "is not served"),
        ({"after": [CREATE_SHOW | {"send": "cores"}]}, "has no cores"),
        ({"after": [CREATE_SHOW | {"with": {"show.key": "show.id"}}]}, "has no show.key"),
        ({"after": [CREATE_SHOW | {"with": {"show.active": "show.id"}}]}, "different types"),
        ({"after": [CREATE_SHOW | {"with": {"show": "show"}}]}, "show is not a single value"),
        ({"after": [CREATE_SHOW | {"read": FIND_SHOW | {"take": "job"}}]}, "has no job"),
        ({"after": [CREATE_SHOW | {"read": FIND_SHOW | {"take": "show.id"}}]}, "same message"),
        (
            {"after": [CREATE_SHOW | {"read": {**FIND_SHOW, "call": "show.ShowInterface/Get"}}]},
            "is not served",
        ),
    ],
)
def test_what_does_not_fit_is_idle(content: dict[str, Any], reason: str) -> None:
    assert reason in why_unused(content)


@needs("reference")
def test_a_default_of_now_is_the_time_of_each_request(
    ours: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = ours.routes[f"/{GET_UPDATED}"]

    def sent(body: bytes) -> int:
        request: Any = GetMessageClass(method.descriptor.input_type)
        checked: int = request.FromString(
            plan(method, body, UnknownFieldPolicy.EVERYTHING).payload
        ).last_check
        return checked

    for now in (1_790_000_000.9, 1_790_000_075.1):
        monkeypatch.setattr("gateway.features.reference.resolve.time", lambda now=now: now)
        assert (
            sent(b'{"job": {"id": "j"}}')
            == sent(b'{"job": {"id": "j"}, "last_check": 0}')
            == int(now)
        )
        assert sent(b'{"job": {"id": "j"}, "lastCheck": 1780000000}') == 1_780_000_000


def test_a_field_that_chooses_its_json_name_can_be_meant() -> None:
    file = FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
    request = file.message_type.add(name="Request")
    for number, (name, chosen) in enumerate((("a__b", "aB"), ("max_", "theMost"), ("x", "x")), 1):
        request.field.add(name=name, json_name=chosen, number=number, type=9, label=1)
    file.service.add(name="S").method.add(
        name="Set", input_type=".a.Request", output_type=".a.Request"
    )
    schema = Schema(files=(file,), services=("a.S",), origin="test", confirmed=True)
    look_up = {"method": "a.S/Set", "given": "x", "call": "a.S/Set", "send": "max_", "take": "a__b"}
    for target in ("max_", "theMost"):
        profile = Profile.model_validate(
            {
                "requests": {"a.S/Set": {"most": target, "some_name": "a__b"}},
                "before": [look_up | {"put": target}],
            }
        )
        catalog = build_catalog(schema, Selection(), profile)
        assert catalog.idle.entries == ()
        method = catalog.routes["/a.S/Set"]
        made: Any = GetMessageClass(method.descriptor.input_type)
        wanted = made(max_="5", a__b="6").SerializeToString()
        for body in (b'{"most": "5", "someName": "6"}', b'{"most": "5", "some_name": "6"}'):
            assert plan(method, body, UnknownFieldPolicy.EVERYTHING).payload == wanted
        assert (
            plan(method, b'{"theMost": "5", "a__b": "6"}', UnknownFieldPolicy.EVERYTHING).payload
            == wanted
        )
        with pytest.raises(GatewayError, match="max_: also given as most"):
            plan(method, b'{"most": "5", "max_": "4"}', UnknownFieldPolicy.EVERYTHING)
        (step,) = Steps.of(method).before
        assert isinstance(step, LookUp)
        assert (step.put.json, step.put.original, step.take) == (("theMost",), ("max_",), ("a__b",))


@pytest.fixture(scope="module")
async def richer_cuebot() -> AsyncIterator[ScriptedCuebot]:
    """A Cuebot that has what the document says."""
    async with running_cuebot(ScriptedCuebot(richer().files)) as cuebot:
        yield cuebot


@pytest.fixture
def cuebot(richer_cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """It answers every method with an empty message."""
    richer_cuebot.start_over()
    return richer_cuebot


LOOK_UP = "/show.ShowInterface/FindShow"
"""Made before a show is, whatever Cuebot has."""


@pytest.mark.anyio
@pytest.mark.gateway(descriptor_source="reflection")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/group.GroupInterface/SetMinCores", {"group": {"id": "g"}, "cores": 4.0}),
        ("/job.GroupInterface/FindGroup", {"show": {"name": "demo"}, "name": "comp"}),
        ("/job.JobInterface/GetJobs", {"r": {"show": {"name": "demo"}}}),
        ("/layer.LayerInterface/GetFrames", {"layer": {"id": "l"}, "req": {"page": 1}}),
        ("/layer.LayerInterface/FindLayer", {"job": {"id": "j"}, "layer": "comp"}),
        ("/layer.LayerInterface/Kill", {"layer": {"id": "l"}}),
        ("/owner.OwnerInterface/TakeOwnership", {"host": {"id": "h"}, "owner": {"id": "o"}}),
        ("/show.ShowInterface/CreateShow", {"name": "new", "defaultMinCores": 1.0}),
        ("/owner.OwnerInterface/SetMaxCores", {"owner": {"id": "o"}}),
    ],
)
async def test_the_real_thing_is_called_as_it_is(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: dict[str, Any]
) -> None:
    answer = await gateway.post(path, body)
    assert answer.status_code == 200, answer.text
    assert "x-ignored-fields" not in answer.headers
    ((heard, sent, _),) = [each for each in cuebot.seen if each[0] != LOOK_UP]
    assert heard.rpartition(".")[2] == path.rpartition(".")[2]
    method = build_catalog(richer(), Selection()).routes[heard]
    request = GetMessageClass(method.descriptor.input_type).FromString(sent)
    assert_has(request, body)


def assert_has(message: Any, body: dict[str, Any]) -> None:
    """Whether a message has what the body says, under the same names."""
    names = {field.json_name: field.name for field in message.DESCRIPTOR.fields}
    for name, value in body.items():
        found = getattr(message, names[name])
        if isinstance(value, dict):
            assert_has(found, value)
        else:
            assert found == value


@pytest.mark.anyio
@pytest.mark.gateway(descriptor_source="reflection")
async def test_a_field_of_ones_own_is_what_it_is(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    method = build_catalog(richer(), Selection()).routes["/host.HostInterface/GetHost"]
    host: Any = GetMessageClass(method.descriptor.output_type)()
    host.host.cores, host.host.total_cores = 8, 16
    cuebot.answers(method.path, host.SerializeToString())
    given = (await gateway.post("/host.HostInterface/GetHost", {"id": "h"})).json()["host"]
    assert (given["cores"], given["totalCores"], given["freeGpus"]) == (8, 16, 0)


NOTHING_CHANGES = ("Get", "Find", "Is")


def test_the_reads_of_opencue(ours: Catalog) -> None:
    reads = {each.path for each in ours.methods if each.reads_only}
    assert reads == {
        each.path for each in ours.methods if each.descriptor.name.startswith(NOTHING_CHANGES)
    }
    assert len(reads) > 90


@pytest.mark.parametrize("profile", ["opencue", "none"])
def test_a_foreign_method_is_no_read_by_its_name(profile: str) -> None:
    file = file_of_services("farm.TokenInterface", ["GetToken", "GetOrCreate"], free=["Ask"])
    schema = assumed_schema([file], "test")
    methods = build_catalog(schema, Selection(), load_profile(profile)).methods
    assert {each.descriptor.name for each in methods if each.reads_only} == {"Ask"}


def test_exceptions_of_a_profile() -> None:
    file = file_of_services("job.JobInterface", ["GetJob", "GetOrCreateJob", "Get"])
    schema = assumed_schema([file], "test")
    for profile in (load_profile("opencue"), Profile(reads=("!*/GetOr*", "job.JobInterface/Get*"))):
        methods = build_catalog(schema, Selection(), profile).methods
        assert {each.descriptor.name for each in methods if each.reads_only} == {"GetJob", "Get"}
