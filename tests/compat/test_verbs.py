"""What a client's command line can do with a schema, as the profile says."""

import re
import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.compat.build import build_catalog
from gateway.compat.profile import Profile, load_profile
from gateway.compat.verbs import Verbs, client_commands
from gateway.openapi.document import build_document
from gateway.schema.catalog import Catalog, UnusedEntry
from gateway.schema.description import Schema, services_of
from gateway.schema.selection import Selection
from tests.support.openapi import catalog as opencue_catalog
from tests.support.openapi import document as opencue_document
from tests.support.opencue import opencue
from tests.support.protos import trial

Json = dict[str, Any]

WANTED = (
    *("jobs", "job", "layers", "frames", "retry", "eat", "kill", "pause", "resume", "priority"),
    *("hosts", "lock", "unlock", "move", "procs", "shows", "comment", "comments", "max-cores"),
    *("min-cores", "depends", "logs", "subscriptions", "allocations", "limits"),
    *("groups", "regroup", "host-comment", "host-comments", "dependents"),
    *("create-limit", "set-limit", "kill-frames", "max-retries", "auto-eat", "min-memory"),
    *("create-group", "booking", "layer-tags", "add-layer-limit", "drop-layer-limit"),
    *("unsubscribe", "delete-limit", "delete-comment", "memory-optimizer"),
    *("frame-cores", "depend", "drop-depends", "reboot", "add-tags", "remove-tags"),
    *(
        "create-show",
        "subscribe",
        "set-size",
        "set-burst",
        "create-allocation",
        "why",
        "dependents",
    ),
)
OF_TRIAL = """\
reads = ["Bare/Echo"]

[verbs.verb.echo]
summary = "Echo leaves"
method = "Bare/Echo"
arguments = [{ name = "leaf", put = "text" }]
columns = ["name"]
sort = "-name"
options.named = { where = "name!=''", help = "Leaves with a name" }
"""
"""Ten lines of profile for a schema that is not OpenCue's."""
JOBS = """
[verb.jobs]
summary = "List jobs"
method = "job.JobInterface/GetJobs"
"""
FOLLOW = """
[follow]
summary = "Follow"
argument = "job"
done = "state=FINISHED"
whole = { method = "job.JobInterface/GetJobs", put = "r.ids" }
[follow.parts]
method = "job.JobInterface/GetLayers"
put = "job"
bar = { done = "layerStats.succeededFrames", of = "totalFrames" }
"""
LAUNCH = """
[launch]
summary = "Launch"
method = "job.JobInterface/LaunchSpecAndWait"
put = "spec"
name = "name"
"""
TRIED = '[tried]\nget = ""\nwait = "follow"\nlock = "pause"\n"move {jobs}" = "pause"\n'
PAUSE = """
[verb.pause]
summary = "Pause"
method = "job.JobInterface/Pause"
arguments = [{ name = "job", put = "job" }]
"""

FACTS = """
causes = [{ any = "layers", says = "{layers.name} of {name}" }, { says = "x" }]
[verb.jobs.facts]
layers = { method = "job.JobInterface/GetLayers", given = { job = "name" }, columns = ["name"] }
"""
NOTE = 'options.note = { also = "%s", help = "Why" }\n'
COMMENT = """
[verb.comment]
summary = "Comment"
method = "job.JobInterface/AddComment"
arguments = [
  { name = "job", put = "job", repeats = true },
  { name = "text", put = "newComment.message" },
]
"""


def resolved(verbs: str, catalog: Catalog | None = None) -> tuple[Json, dict[str, str]]:
    """What these verbs are with OpenCue's methods, and the reasons of entries that are idle."""
    methods, unused = (catalog or opencue_catalog()).methods, list[UnusedEntry]()
    found = client_commands(Verbs.model_validate(tomllib.loads(verbs)), methods, unused)
    idle = {each.entry: each.reason for each in unused}
    return found.allowed({method.path for method in methods}), idle


def used(verbs: str) -> Json:
    """The same, of which nothing is idle."""
    found, idle = resolved(verbs)
    assert idle == {}
    return found


def catalog_of(profile: Profile, **selection: tuple[str, ...]) -> Catalog:
    return build_catalog(opencue(), Selection(**selection), profile)


def commands(catalog: Catalog, *paths: str) -> Json:
    """The commands in the document; `paths` are the methods that a token may call, of all."""
    allowed = {*paths} if paths else None
    found: Json = build_document(catalog, closed=True, allowed=allowed)["x-cuectl"]
    return found


def idle(catalog: Catalog) -> dict[str, str]:
    entries = {each.entry: each.reason for each in catalog.unused_entries}
    return {name: reason for name, reason in entries.items() if name.startswith("verbs.")}


def test_opencue_has_its_verbs() -> None:
    assert idle(opencue_catalog()) == {}
    found = opencue_document()["x-cuectl"]
    assert {*WANTED} == found["verbs"].keys()
    assert {"names", "verbs", "colors", "follow", "launch", "tried"} == found.keys()
    assert "{job}" in found["verbs"]["kill"]["confirm"]
    assert "{counted}" in found["verbs"]["eat"]["confirm"]
    assert found["colors"]["DEAD"] == found["colors"]["DOWN"] == "red"
    assert {"show", "mine", "failed"} <= found["verbs"]["jobs"]["options"].keys()
    assert {"job", "host"} <= found["verbs"]["procs"]["options"].keys()


@pytest.mark.parametrize("name", WANTED)
def test_titles_are_short_and_what_reads_has_columns(name: str) -> None:
    """Rows are called by their first column."""
    one = opencue_document()["x-cuectl"]["verbs"][name]
    shown = [*one.get("columns", ()), *one.get("wide", ())]
    titles = [each["title"] for each in shown]
    assert len({*titles}) == len(titles)
    assert all(len(title) <= 14 and title == title.upper() for title in titles)
    name = "HOST" if "procs" in one["method"].lower() else "NAME"
    assert titles[:1] == ([name] if one.get("reads") else [])
    assert len(one.get("columns", ())) <= 11


def test_a_verb_is_told_with_all_that_a_client_needs() -> None:
    found = used("""
        [names.hosts]
        method = "host.HostInterface/GetHosts"
        path = "name"
        [verb.hosts]
        summary = "List hosts"
        method = "host.HostInterface/GetHosts"
        columns = ["name", { path = "idle_memory", of = "memory" }, { path = "load", alert = true }]
        wide = [{ path = "bootTime", title = "BOOTED" }]
        where = "state=UP"
        sort = "-load"
        request = { "r.allocs" = ["local.general"] }
        [verb.hosts.options]
        state = { put = "r.states.state", default = ["UP"], help = "In this state" }
        busy = { where = "idleCores=0", help = "Without an idle core" }
        mine = { put = "r.substr", value = ["$sub"], help = "Of mine" }
        host = { put = "r.hosts", names = "hosts", help = "This one" }
    """)
    assert found["names"] == {
        "hosts": {"method": "/host.HostInterface/GetHosts", "rows": "hosts.hosts", "path": "name"}
    }
    values = ["UP", "DOWN", "REBOOTING", "REBOOT_WHEN_IDLE", "REPAIR"]
    state = {"put": "r.states.state", "many": True, "values": values, "default": ["UP"]}
    assert found["verbs"]["hosts"] == {
        "summary": "List hosts",
        "method": "/host.HostInterface/GetHosts",
        "reads": True,
        "rows": "hosts.hosts",
        "columns": [
            {"path": "name", "title": "NAME"},
            {"path": "idleMemory", "title": "IDLE MEMORY", "unit": "kB", "of": "memory"},
            {"path": "load", "title": "LOAD", "alert": True},
        ],
        "wide": [{"path": "bootTime", "title": "BOOTED", "unit": "time"}],
        "where": "state=UP",
        "sort": "-load",
        "request": {"r": {"allocs": ["local.general"]}},
        "options": {
            "state": {**state, "help": "In this state"},
            "busy": {"where": "idleCores=0", "help": "Without an idle core"},
            "mine": {"put": "r.substr", "many": True, "value": ["$sub"], "help": "Of mine"},
            "host": {"put": "r.hosts", "many": True, "names": "hosts", "help": "This one"},
        },
    }


def test_an_argument_may_be_a_name_a_number_or_a_flag() -> None:
    found = used("""
        [verb.priority]
        summary = "Set a priority"
        method = "job.JobInterface/SetPriority"
        confirm = "Give {job} another one?"
        arguments = [{ name = "job", put = "job", repeats = true }, { name = "no", put = "val" }]
        [verb.cores]
        summary = "Set cores"
        method = "job.JobInterface/SetMinCores"
        arguments = [{ name = "cores", put = "val" }]
        [verb.eat]
        summary = "Eat by itself"
        method = "job.JobInterface/SetAutoEat"
        [verb.eat.options]
        on = { put = "value", value = true, help = "On" }
        off = { put = "value", value = false, help = "Off" }
    """)
    assert found["verbs"]["priority"] == {
        "summary": "Set a priority",
        "method": "/job.JobInterface/SetPriority",
        "arguments": [
            {"name": "job", "put": "job", "repeats": True},
            {"name": "no", "put": "val", "type": "integer"},
        ],
        "confirm": "Give {job} another one?",
    }
    assert found["verbs"]["cores"]["arguments"][0]["type"] == "number"
    off = {"put": "value", "type": "boolean", "value": False, "help": "Off"}
    assert found["verbs"]["eat"]["options"]["off"] == off


def test_what_is_given_may_have_a_pattern_and_names_their_own_arguments() -> None:
    found = used("""
        [names.layers]
        method = "job.JobInterface/GetLayers"
        path = "name"
        given = { job = "job" }
        [verb.frames]
        summary = "List frames"
        method = "job.JobInterface/GetFrames"
        arguments = [{ name = "job", put = "job" }]
        columns = ["name", { path = "lastResource", title = "HOST", before = "/" }]
        [verb.frames.options]
        layer = { put = "req.layers", names = "layers", help = "Of this layer" }
        [verb.frames.options.range]
        put = "req.frameRange"
        pattern = '\\d+'
        example = "7"
        splits = "(?P<range>.)-(?P<layer>.+)"
        aliases = ["frame"]
        help = "Of this number"
    """)
    assert found["names"]["layers"]["given"] == {"job": "job"}
    frames = found["verbs"]["frames"]
    assert frames["columns"][1] == {"path": "lastResource", "title": "HOST", "before": "/"}
    assert frames["options"] == {
        "layer": {"put": "req.layers", "many": True, "names": "layers", "help": "Of this layer"},
        "range": {
            "put": "req.frameRange",
            "pattern": r"\d+",
            "example": "7",
            "splits": "(?P<range>.)-(?P<layer>.+)",
            "aliases": ["frame"],
            "help": "Of this number",
        },
    }


def test_lists_conditions_and_columns_of_options_are_told() -> None:
    found = used("""
        [names.users]
        method = "job.JobInterface/GetJobs"
        path = "user"
        title = "users of pending jobs"
        [verb.jobs]
        summary = "List jobs"
        method = "job.JobInterface/GetJobs"
        example = "isPaused or priority>9"
        [verb.jobs.options]
        x = { put = "r.includeFinished", value = true, columns = ["state"], help = "x" }
    """)
    assert found["names"]["users"]["title"] == "users of pending jobs"
    assert found["verbs"]["jobs"]["example"] == "isPaused or priority>9"
    columns = [{"path": "state", "title": "STATE"}]
    assert found["verbs"]["jobs"]["options"]["x"]["columns"] == columns


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            PAUSE.replace('"job" }', '"job", names = "jobs" }')
            + '[names.jobs]\nmethod = "a.A/B"\npath = "a"\ngiven = { show = "show" }',
            "pause: jobs needs an argument 'show'",
        ),
        (
            PAUSE.replace('"job" }', '"job", pattern = "a+", example = "b" }'),
            "a pattern needs an example that it matches",
        ),
        (TRIED + JOBS, "tried: lock: there is no verb 'pause'"),
        ('tried.Get = ""', "'Get' is not words such as get, wait or move {jobs}"),
        (
            JOBS + 'options.x = { where = "isPaused", aliases = ["x"], help = "x" }',
            "two options have one name",
        ),
        (
            JOBS + 'options.x = { put = "r.shows", splits = "(?P<x>.)(?P<y>.)", help = "x" }',
            "x: y is no option for a part of it",
        ),
        (
            PAUSE + 'confirm = "Pause {counted}?"',
            "{counted} is no argument",
        ),
        (
            JOBS + 'columns = [{ path = "name", before = "/" }]',
            "a part of a text needs a title",
        ),
        (
            JOBS + "options.x = { where = 'isPaused', pattern = 'a', example = 'a', help = 'x' }",
            "expected one of value, default, names and pattern, with put",
        ),
        (JOBS + FACTS.replace(' any = "layers"', ' any = "gone"'), "there is no fact 'gone'"),
        (
            JOBS + FACTS.replace('says = "x"', 'says = "x", any = "layers", none = "layers"'),
            "expected one of any and none",
        ),
        (
            JOBS + FACTS.replace("of {name}", "of {layers.tags}"),
            "{layers.tags} is no column of a fact before it",
        ),
        (
            JOBS + FACTS + "x = { method = 'a.A/B', where = 'a={y.a}' }\ny = { method = 'a.A/B' }",
            "{y.a} is no column of a fact before it",
        ),
        (
            JOBS + FACTS + "x = { method = 'a.A/B', of = 'y' }",
            "x: 'y' is no fact before it about the verb's rows",
        ),
        (
            JOBS
            + FACTS
            + "x = { method = 'a.A/B', of = 'layers' }\ny = { method = 'a.A/B', of = 'x' }",
            "y: 'x' is no fact before it about the verb's rows",
        ),
        (PAUSE + NOTE % "gone", "pause: note: 'gone' is no verb with the same names and a text"),
        (PAUSE + NOTE % "pause", "pause: note: 'pause' is no verb with the same names and a text"),
        (
            PAUSE + NOTE % "comment" + COMMENT.replace(", repeats = true", ""),
            "pause: note: 'comment' is no verb with the same names and a text",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        Verbs.model_validate(tomllib.loads(text))


EAT = """
[verb.eat]
summary = "Eat"
method = "job.JobInterface/EatFrames"
arguments = [{ name = "job", put = "job" }]
counts = { method = "job.JobInterface/GetFrames", noun = "frame" }
confirm = "Eat {counted}?"
options.range = { put = "req.frameRange", help = "Of this number" }
"""
FRAMES = "/job.JobInterface/GetFrames"


def test_what_a_verb_changes_can_be_counted() -> None:
    assert used(EAT)["verbs"]["eat"]["counts"] == {"noun": "frame", "method": FRAMES}
    for other, reason in (
        ("job.JobInterface/GetLayers", "job.JobGetLayersRequest has no req.frameRange"),
        ("job.JobInterface/Get", "job.JobInterface/Get is not served"),
    ):
        found, idle = resolved(EAT.replace(FRAMES[1:], other))
        assert found["verbs"]["eat"]["counts"] == {"noun": "frame"}
        assert idle == {"verbs.verb.eat.counts": reason}


def test_a_token_that_may_not_count_has_the_verb() -> None:
    eat, method = {"noun": "frame"}, "/job.JobInterface/EatFrames"
    assert commands(opencue_catalog(), method)["verbs"]["eat"]["counts"] == eat
    found = commands(opencue_catalog(), method, FRAMES)["verbs"]["eat"]["counts"]
    assert found == {**eat, "method": FRAMES}


def test_another_verb_may_be_done_for_the_same_names() -> None:
    """If the token may."""
    text = PAUSE.replace(" }]", ", repeats = true }]") + NOTE % "comment" + COMMENT
    assert used(text)["verbs"]["pause"]["options"] == {"note": {"also": "comment", "help": "Why"}}
    methods = ("/job.JobInterface/Pause", "/job.JobInterface/AddComment")
    for allowed, options in ((methods, {"comment"}), (methods[:1], set())):
        found = commands(opencue_catalog(), *allowed)["verbs"]["pause"]
        assert {*found.get("options", {})} == options


def test_what_options_choose_may_be_narrowed() -> None:
    """By a condition on the rows of the verb that lists it."""
    names = '[names]\njobs = { method = "job.JobInterface/GetJobNames", path = "names" }\n'
    pause = PAUSE.replace('put = "job"', 'put = "job", names = "jobs", repeats = true')
    text = f"{names}{JOBS}{pause}chooses = 'not isPaused'\n"
    assert used(text)["verbs"]["pause"]["chooses"] == "not isPaused"
    found, idle = resolved(text.replace("isPaused", "isRunning"))
    assert "chooses" not in found["verbs"]["pause"]
    assert [*idle] == ["verbs.verb.pause.chooses"]


ADDS = """
[verb.logs]
summary = "List logs"
method = "job.JobInterface/GetFrames"
arguments = [{ name = "job", put = "job", repeats = true }]
columns = ["name"]
adds = { title = "LOG", method = "job.JobInterface/GetJob", put = "id", text = "{logDir}/{row}" }
"""


def test_a_verb_may_add_a_text_to_its_rows() -> None:
    """If the token may read the object that it has parts of."""
    adds = used(ADDS)["verbs"]["logs"]["adds"]
    method = "/job.JobInterface/GetJob"
    place = {"put": "id", "rows": "job"}
    assert adds == {"title": "LOG", "method": method, "text": "{logDir}/{row}", **place}
    _, idle = resolved(ADDS.replace("logDir", "logFolder"))
    assert [*idle] == ["verbs.verb.logs"]
    assert commands(opencue_catalog(), "/job.JobInterface/GetFrames")["verbs"].get("logs") is None
    with pytest.raises(ValidationError, match="adds needs one argument, which repeats"):
        Verbs.model_validate(tomllib.loads(ADDS.replace(", repeats = true", "")))


def test_an_argument_may_tell_namesakes_apart() -> None:
    """A layer is one of the job whose name is a key beside the fields of the request."""
    job, layer, size = opencue_document()["x-cuectl"]["verbs"]["min-memory"]["arguments"]
    assert (job["put"], layer["put"]) == ("job", "layer")
    assert (size["type"], size["unit"]) == ("integer", "kB")


def test_words_that_people_try_are_told_with_their_verbs() -> None:
    """As far as the token may use these."""
    pause = {"get": "", "lock": "pause", "move {jobs}": "pause"}
    assert used(TRIED + PAUSE)["tried"] == pause
    assert used(TRIED + PAUSE + FOLLOW)["tried"] == {**pause, "wait": "follow"}


def test_the_only_object_of_an_answer_is_its_row() -> None:
    job = opencue_document()["x-cuectl"]["verbs"]["job"]
    assert (job["rows"], job["columns"][0]["path"]) == ("job", "name")


def test_following_and_launching_are_told() -> None:
    failed = """failed = [{ where = "isPaused", says = "waits" }]
    fail_fast = { where = "priority=0", says = "starves" }
    notes = [{ path = "jobStats.eatenFrames", title = "EATEN" }]
    whole = {"""
    found = used(FOLLOW.replace("whole = {", failed) + LAUNCH)
    assert found["follow"] == {
        "summary": "Follow",
        "argument": "job",
        "whole": {
            "method": "/job.JobInterface/GetJobs",
            "rows": "jobs.jobs",
            "put": "r.ids",
            "many": True,
        },
        "parts": {
            "method": "/job.JobInterface/GetLayers",
            "rows": "layers.layers",
            "put": "job",
            "bar": {"done": ["layerStats.succeededFrames"], "of": "layerStats.totalFrames"},
        },
        "done": "state=FINISHED",
        "failed": [{"where": "isPaused", "says": "waits"}],
        "until": "(state=FINISHED) or (isPaused)",
        "failFast": {
            "where": "priority=0",
            "says": "starves",
            "until": "(state=FINISHED) or (isPaused) or (priority=0)",
        },
        "notes": [{"path": "jobStats.eatenFrames", "title": "EATEN"}],
    }
    assert found["launch"] == {
        "summary": "Launch",
        "method": "/job.JobInterface/LaunchSpecAndWait",
        "rows": "jobs.jobs",
        "put": "spec",
        "name": "name",
    }


NO_FIELD = "job.Job has no field 'colour'"
NO_PLACE = "job.JobGetJobsRequest has no r.colour"


@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        ('columns = ["colour"]', ".columns.colour", NO_FIELD),
        ('columns = ["jobStats"]', ".columns.jobStats", "jobStats is an object"),
        ('wide = ["colour"]', ".wide.colour", NO_FIELD),
        ('columns = [{ path = "name", alert = true }]', ".columns.name", "name is no number"),
        (
            'columns = [{ path = "priority", before = "/", title = "P" }]',
            *(".columns.priority", "priority is no text"),
        ),
        ('columns = [{ path = "name", per = 100 }]', ".columns.name", "name is no number"),
        (
            'arguments = [{ name = "x", put = "r.ids", per = 100 }]',
            *("", "r.ids is no number"),
        ),
        ('columns = [{ path = "priority", of = "name" }]', ".columns.priority", "name is no num"),
        ('where = "colour=1"', "", f"_where: {NO_FIELD}"),
        ('example = "colour=1"', ".example", f"_where: {NO_FIELD}"),
        ('sort = "-colour"', "", f"_sort: {NO_FIELD}"),
        ('reasons = [{ where = "colour=1", says = "x" }]', "", f"_where: {NO_FIELD}"),
        (FACTS.replace("of {name}", "of {colour}"), ".causes", NO_FIELD),
        (FACTS.replace("GetLayers", "Get"), ".facts.layers", "job.JobInterface/Get is not served"),
        (FACTS.replace("job =", "jobb ="), ".facts.layers", "JobGetLayersRequest has no jobb"),
        (FACTS.replace('= "name" }', '= "colour" }'), ".facts.layers", NO_FIELD),
        (
            FACTS + 'x = { method = "show.ShowInterface/GetShows", where = "colour=1" }',
            *(".facts.x", "_where: show.Show has no field 'colour'"),
        ),
        (
            FACTS + 'x = { method = "show.ShowInterface/GetShows", where = "name={colour}" }',
            *(".facts.x", NO_FIELD),
        ),
        (
            FACTS + 'x = { method = "show.ShowInterface/GetShows", newer = "colour=1" }',
            *(".facts.x.newer", "_where: show.Show has no field 'colour'"),
        ),
        (
            FACTS + 'x = { method = "show.ShowInterface/GetShows", where = "name={layers.name}" }',
            *(".facts.x", "_where: "),
        ),
        ('request = { "r.user" = 1 }', "", "job.JobGetJobsRequest has no r.user"),
        ('request = { "r.ids" = 1 }', "", "r.ids: expected a list, got a number"),
        ('arguments = [{ name = "x", put = "r.colour" }]', "", NO_PLACE),
        ('arguments = [{ name = "x", put = "r" }]', "", "r is an object"),
        ('options.x = { put = "r.colour", help = "x" }', ".options.x", NO_PLACE),
        ('options.x = { where = "colour=1", help = "x" }', ".options.x", f"_where: {NO_FIELD}"),
        (
            'options.x = { where = "isPaused", columns = ["colour"], help = "x" }',
            *(".options.x.columns.colour", NO_FIELD),
        ),
        (
            'options.x = { put = "r.includeFinished", value = 7, help = "x" }',
            *(".options.x", "r.includeFinished: expected true or false"),
        ),
    ],
)
def test_what_does_not_fit_the_method_is_idle(text: str, entry: str, reason: str) -> None:
    _, idle = resolved(JOBS + text)
    assert [*idle] == [f"verbs.verb.jobs{entry}"]
    assert reason in idle[f"verbs.verb.jobs{entry}"]


@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        (JOBS.replace("GetJobs", "Get"), "verb.jobs", "job.JobInterface/Get is not served"),
        (
            JOBS.replace("GetJobs", "GetFrames")
            + 'options.x = { put = "req.states.frameStates", default = ["DED"], help = "x" }',
            *("verb.jobs.options.x", "req.states.frameStates[0]: no job.FrameState is called 'DED"),
        ),
        (
            '[names]\njobs = { method = "job.JobInterface/GetJobs", path = "priority" }',
            *("names.jobs", "priority is no text"),
        ),
        (JOBS + "[colors]\nDED = 'red'", "colors.DED", "there is no DED in an answer"),
        (
            FOLLOW.replace("state=FINISHED", "state=ENDED"),
            *("follow", "_where: state: no job.JobState is called 'ENDED'"),
        ),
        (
            FOLLOW.replace("whole =", 'fail_fast = { where = "a=1", says = "x" }\nwhole ='),
            *("follow", "_where: job.Job has no field 'a'"),
        ),
        (FOLLOW.replace("totalFrames", "type"), "follow", "type is no number"),
        (FOLLOW.replace("r.ids", "r.id"), "follow", "job.JobGetJobsRequest has no r.id"),
        (LAUNCH.replace('"spec"', '"file"'), "launch", "job.JobLaunchSpecAndWaitRequest"),
        (LAUNCH.replace('"name"', '"colour"'), "launch", NO_FIELD),
    ],
)
def test_what_does_not_fit_the_schema_is_idle(text: str, entry: str, reason: str) -> None:
    _, idle = resolved(text)
    assert [*idle] == [f"verbs.{entry}"]
    assert reason in idle[f"verbs.{entry}"]


def test_a_column_or_an_option_that_does_not_fit_leaves_the_verb() -> None:
    text = JOBS + 'columns = ["colour", "name"]\noptions.x = { where = "colour=1", help = "x" }'
    found, idle = resolved(text)
    assert len(idle) == 2
    jobs = found["verbs"]["jobs"]
    assert (jobs["columns"], "options" in jobs) == ([{"path": "name", "title": "NAME"}], False)


def test_causes_and_what_tells_them() -> None:
    more = """
        [verb.jobs.facts.full]
        method = "limit.LimitInterface/GetAll"
        of = "layers"
        where = "name in ({layers.name})"
        newer = "reportStale=false"
        [verb.jobs.facts.spent]
        method = "show.ShowInterface/GetShows"
        where = "name={show}"
        columns = [{ path = "showStats.reservedCores", per = 100 }]
    """
    jobs = used(JOBS + FACTS + more)["verbs"]["jobs"]
    assert jobs["causes"] == [{"any": "layers", "says": "{layers.name} of {name}"}, {"says": "x"}]
    assert jobs["facts"] == {
        "layers": {
            "method": "/job.JobInterface/GetLayers",
            "rows": "layers.layers",
            "given": {"job": "name"},
            "columns": [{"path": "name", "title": "NAME"}],
        },
        "full": {
            "method": "/limit.LimitInterface/GetAll",
            "rows": "limits",
            "of": "layers",
            "where": "(name in ({layers.name})) and (reportStale=false)",
        },
        "spent": {
            "method": "/show.ShowInterface/GetShows",
            "rows": "shows.shows",
            "where": "name={show}",
            "columns": [{"path": "showStats.reservedCores", "title": "RESERVED CORES", "per": 100}],
        },
    }


def test_a_token_has_the_verbs_whose_methods_it_may_call() -> None:
    jobs, layers = "/job.JobInterface/GetJobs", "/job.JobInterface/GetLayers"
    few = commands(opencue_catalog(), jobs)
    assert [*few["verbs"]] == ["jobs", "why"]
    assert ([*few["names"]], "follow" in few, "launch" in few) == (["users", "shots"], False, False)
    more = commands(opencue_catalog(), jobs, layers, "/show.ShowInterface/GetShows")
    assert [*more["verbs"]] == ["jobs", "why", "layers", "shows"]
    assert ([*more["verbs"]["why"]["facts"]], few["verbs"]["why"]["facts"]) == (
        ["layers", "closed"],
        {},
    )
    assert ({*more["names"]}, "follow" in more) == ({"shows", "users", "shots", "layers"}, True)
    assert commands(opencue_catalog(), "/depend.DependInterface/GetDepend") == {}


def test_a_method_that_is_withheld_is_no_verb() -> None:
    catalog = catalog_of(load_profile("opencue"), exclude=("host.HostInterface/Lock",))
    assert {*WANTED} - commands(catalog)["verbs"].keys() == {"lock"}
    assert idle(catalog) == {"verbs.verb.lock": "host.HostInterface/Lock is not served"}


def test_an_object_that_nothing_finds_by_its_name_is_no_argument() -> None:
    found, idle = resolved(PAUSE, catalog_of(Profile()))
    assert found == {}
    assert idle == {"verbs.verb.pause": "job is an object; name one of its fields"}
    _, idle = resolved("""
        [verb.stop]
        summary = "Stop a proc, which has no name"
        method = "host.ProcInterface/Kill"
        arguments = [{ name = "proc", put = "proc" }]
    """)
    assert idle == {"verbs.verb.stop": "proc is an object; name one of its fields"}
    found = used(PAUSE.replace('"job" }', '"job.id" }'))
    assert found["verbs"]["pause"]["arguments"] == [{"name": "job", "put": "job.id"}]


def another_schema() -> Schema:
    files = trial().files
    return Schema(files=(*files,), services=services_of(files), origin="test", confirmed=True)


def test_another_schema_has_a_verb_of_its_own() -> None:
    assert OF_TRIAL.count("\n") <= 10
    profile = Profile.model_validate(tomllib.loads(OF_TRIAL))
    catalog = build_catalog(another_schema(), Selection(), profile)
    assert idle(catalog) == {}
    assert commands(catalog) == {
        "names": {},
        "verbs": {
            "echo": {
                "summary": "Echo leaves",
                "method": "/Bare/Echo",
                "rows": "leaves",
                "columns": [{"path": "name", "title": "NAME"}],
                "sort": "-name",
                "reads": True,
                "arguments": [{"name": "leaf", "put": "text"}],
                "options": {"named": {"where": "name!=''", "help": "Leaves with a name"}},
            }
        },
        "colors": {},
    }


def test_another_schema_has_no_verbs_of_opencue() -> None:
    catalog = build_catalog(another_schema(), Selection(), load_profile("opencue"))
    assert commands(catalog) == {}
