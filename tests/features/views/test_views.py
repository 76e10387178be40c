"""Views: fields, conditions, orders, limits and formats, against the same done with plain JSON."""

import csv
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.codec.encode import Slices
from gateway.core.codec.slices import SLICE_ITEMS
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP
from gateway.core.schema.rows import rows_of
from gateway.features.views.fields import cell_of
from gateway.features.views.paths import Beginning, OtherNames, find_path
from gateway.features.views.render import compile_view
from gateway.features.views.view import make_view
from tests.features.views.answers import (
    FIND_JOB,
    GET_HOSTS,
    GET_JOBS,
    PLAIN,
    Row,
    filled,
    hosts,
    jobs,
    refusal,
    rows_in,
    rows_seen,
    seen,
    shown,
    whole,
)
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.protos import messages, opencue, trial
from tests.support.queries import QUERIES
from tests.support.slicing import ONE_PIECE, SIZES, Sizes, these_sizes

GET_WHITEBOARD = PLAIN.routes["/show.ShowInterface/GetJobWhiteboard"]
FOREIGN = trial()
USERS = ("lena", "marco", "=1+1", " @x", "o'hara", 'say "hi", twice', "grün")


def cell(text: str) -> str:
    """What a spreadsheet gets for a job of this name."""
    return seen(jobs([{"name": text}]), fields="name", format="csv").decode()


JOBS = st.lists(
    st.fixed_dictionaries(
        {"name": st.text("abc-", max_size=5), "user": st.sampled_from(USERS)},
        optional={
            "priority": st.integers(-5, 5),
            "state": st.integers(0, 6),
            "min_cores": st.floats(0, 10, width=32),
            "is_paused": st.booleans(),
            "job_stats": st.fixed_dictionaries(
                {}, optional={"dead_frames": st.integers(0, 4), "max_rss": st.integers(0, 2**62)}
            ),
        },
    ),
    max_size=8,
).map(jobs)
LONG = jobs({"name": f"job{n:04}", "user": USERS[n % 5], "priority": n % 7} for n in range(1000))


@given(JOBS)
def test_fields_are_those_of_the_whole_answer(payload: bytes) -> None:
    fields = "name,user,jobStats.deadFrames,jobStats.maxRss,minCores,isPaused"
    rows = rows_seen(payload, fields=fields)
    paths = [field.split(".") for field in fields.split(",")]
    assert rows == [of_plain_json(row, paths) for row in whole(payload)]


def test_the_last_name_of_a_field_will_do_where_one_object_has_it() -> None:
    payload = jobs([{"name": "a", "job_stats": {"dead_frames": 3}}, {"name": "b"}])
    (row,) = rows_seen(payload, fields="name,deadFrames", where="dead_frames>2")
    assert row == {"name": "a", "jobStats": {"deadFrames": 3}}


def test_a_number_of_many_digits_is_beyond_all() -> None:
    payload = jobs([{"name": "a", "min_cores": 1.5}])
    assert rows_seen(payload, where=f"minCores<{'9' * 400}", fields="name") == [{"name": "a"}]
    assert rows_seen(payload, where=f"minCores<-{'9' * 400}", fields="name") == []


def test_a_field_has_two_names_and_an_object_is_shown_whole() -> None:
    payload = jobs([{"name": "a", "job_stats": {"dead_frames": 3}}])
    (row,) = rows_seen(payload, fields="job_stats.dead_frames")
    assert row == {"jobStats": {"deadFrames": 3}}
    (row,) = rows_seen(payload, fields="jobStats, jobStats.deadFrames")
    assert row == {"jobStats": whole(payload)[0]["jobStats"]}


def test_paths_that_begin_in_the_answer_lead_to_the_rows() -> None:
    payload = jobs([{"name": "a"}, {"name": "b"}])
    assert rows_seen(payload, fields="jobs") == whole(payload)
    assert rows_seen(payload, fields="jobs.jobs", where="name=b") == whole(payload)[1:]
    assert rows_seen(payload, fields="jobs.jobs.name") == [{"name": "a"}, {"name": "b"}]
    for fields in ("jobs.jobs.name", "name,name"):
        assert seen(payload, fields=fields, format="csv") == b'"name"\r\n"a"\r\n"b"\r\n'


def test_a_list_among_other_fields_is_no_list_of_rows() -> None:
    assert GET_WHITEBOARD.rows is None
    assert rows_of(FOREIGN.message_type("trial.two.Groups")) is None


def test_an_answer_without_rows_has_fields_only() -> None:
    payload = filled("job.JobFindJobResponse", job={"name": "a", "user": "b"})
    assert seen(payload, FIND_JOB, fields="job.name") == b'{"job":{"name":"a"}}'
    assert seen(payload, FIND_JOB, fields="name,job.user") == b'{"job":{"name":"a","user":"b"}}'
    assert "job.Job has no field 'nmae'; did you mean name?" in refusal(FIND_JOB, fields="nmae")
    assert seen(payload, FIND_JOB) == b"".join(FIND_JOB.encode(payload))
    of_rows = ("where", "group", "count", "sum", "min", "max", "sort", "offset", "limit")
    for asked in ({"format": "csv"}, *({name: "true"} for name in of_rows)):
        assert "job.JobFindJobResponse is not one list" in refusal(FIND_JOB, **asked)


WHITEBOARD = "show.ShowGetJobWhiteboardResponse"
"""An answer without rows, but with lists at any depth."""
WHITEBOARD_FIELDS = (
    *("whiteboard", "whiteboard.name", "whiteboard.jobs", "whiteboard.inlineJobs"),
    *("whiteboard.inlineJobs.jobStats.deadFrames", "whiteboard.groups"),
    *("whiteboard.groups.nestedGroups.name", "whiteboard.groups.nestedGroups.inlineJobs.name"),
    "whiteboard.parent.groups.nestedGroups",
)


def of_plain_json(json: Any, paths: list[list[str]]) -> Any:
    if json is None or [] in paths:
        return json
    if isinstance(json, list):
        return [of_plain_json(each, paths) for each in json]
    return {
        name: of_plain_json(json[name], [rest for first, *rest in paths if first == name])
        for name in {first: None for first, *_ in paths}
        if name in json
    }


FIELD_LISTS = st.lists(st.sampled_from(WHITEBOARD_FIELDS), min_size=1, unique=True)


@given(messages(opencue(), WHITEBOARD), FIELD_LISTS, st.sampled_from((*SIZES, ONE_PIECE)))
def test_fields_of_an_answer_without_rows(answer: Any, fields: list[str], sizes: Sizes) -> None:
    payload = answer.SerializeToString()
    with these_sizes(sizes):
        found = orjson.loads(seen(payload, GET_WHITEBOARD, fields=",".join(fields)))
    everything = orjson.loads(b"".join(GET_WHITEBOARD.encode(payload)))
    assert found == of_plain_json(everything, [field.split(".") for field in fields])


@pytest.mark.parametrize(
    "fields", ["whiteboard", "groups", "groups.nestedGroups.inlineJobs.name", "name,inlineJobs"]
)
def test_a_long_whiteboard_comes_in_pieces(fields: str) -> None:
    answer = message_class(WHITEBOARD)()
    jobs = [{"name": f"demo-sh{n:05}-lena_comp", "user": "lena"} for n in range(3_000)]
    group = answer.whiteboard.groups.nested_groups.add(name="comp")
    for some in (answer.whiteboard, group):
        for job in jobs:
            some.inline_jobs.add(**job)
    pieces = shown(answer.SerializeToString(), STEP, GET_WHITEBOARD, fields=fields)
    assert isinstance(pieces, Slices)
    found = list(pieces)
    assert max(map(len, found)) < SLICE_ITEMS * 2_000
    whiteboard = orjson.loads(b"".join(found))["whiteboard"]
    inner = whiteboard if fields == "name,inlineJobs" else whiteboard["groups"]["nestedGroups"][0]
    assert [job["name"] for job in inner["inlineJobs"]] == [job["name"] for job in jobs]


def test_no_rows_are_an_empty_list_in_each_format() -> None:
    assert rows_seen(b"", fields="name") == []
    assert rows_seen(jobs([]), where="name=a", limit="3") == []
    assert seen(b"", format="ndjson") == b""
    assert seen(b"", format="csv", fields="name") == b'"name"\r\n'


def stats(row: Row) -> Row:
    """A row's numbers; those that are not set equal nothing."""
    return row["jobStats"] or {}


FITS: dict[str, Callable[[Row], object]] = {
    "user=lena": lambda row: row["user"] == "lena",
    "user != lena": lambda row: row["user"] != "lena",
    "not user=lena": lambda row: row["user"] != "lena",
    "user in (lena, 'grün')": lambda row: row["user"] in ("lena", "grün"),
    'user="say \\"hi\\", twice"': lambda row: row["user"] == USERS[5],
    "user='o\\'hara'": lambda row: row["user"] == "o'hara",
    "user:ar": lambda row: "ar" in row["user"],
    "name~'^a+$'": lambda row: row["name"] and not row["name"].strip("a"),
    "priority>=2": lambda row: row["priority"] >= 2,
    "priority<-1.5": lambda row: row["priority"] < -1.5,
    "jobStats.deadFrames>2": lambda row: stats(row).get("deadFrames", 0) > 2,
    "jobStats.deadFrames!=2": lambda row: stats(row).get("deadFrames", -1) != 2,
    "jobStats.deadFrames=0": lambda row: stats(row).get("deadFrames", -1) == 0,
    "jobStats.maxRss > 1e18": lambda row: int(stats(row).get("maxRss", 0)) > 10**18,
    "state=FINISHED": lambda row: row["state"] == "FINISHED",
    "state!=1": lambda row: row["state"] != "FINISHED",
    "isPaused=true": lambda row: row["isPaused"],
    "isPaused": lambda row: row["isPaused"],
    "not isPaused": lambda row: not row["isPaused"],
    "isPaused and user=lena": lambda row: row["isPaused"] and row["user"] == "lena",
    "user = lena or (isPaused)": lambda row: row["user"] == "lena" or row["isPaused"],
    "not (isPaused or user=lena)": lambda row: not (row["isPaused"] or row["user"] == "lena"),
    "user=lena or user=marco and priority>0": (
        lambda row: row["user"] == "lena" or (row["user"] == "marco" and row["priority"] > 0)
    ),
    "(user=lena OR user=marco) AND NOT priority>0": (
        lambda row: row["user"] in ("lena", "marco") and row["priority"] <= 0
    ),
}


@settings(max_examples=40)
@given(payload=JOBS)
def test_rows_are_those_that_fit_the_condition(payload: bytes) -> None:
    rows = whole(payload)
    for condition, fits in FITS.items():
        assert rows_seen(payload, where=condition) == [row for row in rows if fits(row)], condition


@given(payload=JOBS)
def test_rows_are_sorted_by_one_field_then_the_next_unset_ones_last(payload: bytes) -> None:
    rows = rows_seen(payload, sort="-jobStats.deadFrames,name")
    expected = sorted(whole(payload), key=lambda row: row["name"])
    with_stats = [row for row in expected if row["jobStats"]]
    with_stats.sort(key=lambda row: row["jobStats"]["deadFrames"], reverse=True)
    assert rows == with_stats + [row for row in expected if not row["jobStats"]]


@pytest.mark.parametrize("limit", [0, 1, SLICE_ITEMS - 1, SLICE_ITEMS, SLICE_ITEMS + 1, 5000])
@pytest.mark.parametrize("sort", [{}, {"sort": "-name"}])
def test_a_limit_shows_the_first_rows_in_any_pieces(limit: int, sort: dict[str, str]) -> None:
    rows = whole(LONG)[:: -1 if sort else 1]
    assert rows_seen(LONG, limit=str(limit), **sort) == rows[:limit]


def test_short_floats_are_what_they_look_like() -> None:
    payload = jobs([{"name": "a", "min_cores": 0.1}])
    assert len(rows_seen(payload, where="minCores=0.1 and minCores in (0.1, 2)")) == 1
    assert not rows_seen(payload, where="minCores>0.1 or minCores>1e300")


def forest_seen(**asked: str) -> bytes:
    """A foreign answer: `trees` with maps of trees by name."""
    forest = FOREIGN.message_class("trial.Forest")()
    tree = forest.trees.add(name="oak")
    tree.named["a"].name = "leaf"
    view = make_view(forest.DESCRIPTOR, {f"_{name}": value for name, value in asked.items()})
    return b"".join(compile_view(view, FOREIGN.encoders)(forest.SerializeToString()))


def test_maps_have_the_keys_that_are_asked_for() -> None:
    """The entry of a key has only the fields that were asked for; a whole map is a cell of JSON."""
    assert forest_seen(fields="named.a.name") == b'{"trees":[{"named":{"a":{"name":"leaf"}}}]}'
    assert forest_seen(fields="named.b.name") == b'{"trees":[{"named":{}}]}'
    (_, (cell,)) = csv.reader(forest_seen(fields="named", format="csv").decode().splitlines())
    assert orjson.loads(cell)["a"]["name"] == "leaf"
    maps = FOREIGN.message_type("trial.Maps")
    for path in ("byInt32.99999999999", "byInt32.--5", "byInt32.²", "byUint32.-1", "byBool.1"):
        with pytest.raises(LookupError, match="is no key"):
            find_path(maps, path)


def test_of_a_list_one_value_has_to_fit() -> None:
    """Of a list, one of the values has to fit; `!=` means that none does."""
    tags: tuple[list[str], ...] = (["gpu", "big"], ["small"], [])
    payload = hosts({"name": "-".join(each) or "none", "tags": each} for each in tags)

    def names(where: str) -> list[str]:
        return [row["name"] for row in rows_seen(payload, GET_HOSTS, where=where)]

    assert names("tags=gpu") == ["gpu-big"]
    assert names("tags:sm") == ["small"]
    assert names("tags!=gpu") == ["small", "none"]
    assert names("tags in (big, small)") == ["gpu-big", "small"]


@given(payload=JOBS)
def test_ndjson_has_a_line_for_each_row(payload: bytes) -> None:
    lines = seen(payload, format="ndjson").splitlines()
    assert [orjson.loads(line) for line in lines] == whole(payload)


@given(payload=JOBS)
def test_csv_reads_back(payload: bytes) -> None:
    """A spreadsheet sees the values; texts that it would run begin with an apostrophe."""
    text = seen(payload, format="csv", fields="name,user,priority,jobStats.deadFrames")
    table = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert table[0] == ["name", "user", "priority", "jobStats.deadFrames"]
    expected = []
    for row in whole(payload):
        texts = [f"'{value}" * runs(value) or value for value in (row["name"], row["user"])]
        dead = str(row["jobStats"]["deadFrames"]) if row["jobStats"] else ""
        expected.append([*texts, str(row["priority"]), dead])
    assert table[1:] == expected


def test_texts_in_wrappers_are_made_harmless_too() -> None:
    singular = FOREIGN.message_class("trial.wellknown.Singular")()
    singular.string_value.value = singular.value.string_value = " =1+1"
    singular.int64_value.value = -5
    names = ("stringValue", "value", "int64Value")
    paths = [find_path(singular.DESCRIPTOR, name) for name in names]
    cells = [cell_of(path, FOREIGN.encoders)(singular) for path in paths]
    assert cells == ['"\' =1+1"', '"\' =1+1"', "-5"]
    singular.string_value.value = "-5"
    singular.value.number_value = -5
    cells = [cell_of(path, FOREIGN.encoders)(singular) for path in paths]
    assert cells == ['"\'-5"', "-5", "-5"]


SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"


def runs(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula: see what it skips, then the sign."""
    skipped = text.lstrip(" \t\r\n\x0b\x0c\x00\x1f\x7f\x85\xa0\xad\u200b\u200e\u2028\u3000\ufeff")
    return text[:1] in ("\t", "\r", "\n") or (skipped[:1] != "" and skipped[0] in SIGNS)


@pytest.mark.parametrize("sign", SIGNS)
def test_no_spreadsheet_runs_a_text(sign: str) -> None:
    for before in ("", *" \t\r\n\x00\x1f\x7f\x85\xa0\u3000\u200b\ufeff"):
        text = f"{before}{before}{sign}cmd|' /C calc'!A0"
        assert cell(text) == f'"name"\r\n"\'{text}"\r\n'


@pytest.mark.parametrize("text", ["\tx", "\rx", "\nx"])
def test_what_may_begin_a_cell_anew_is_no_beginning(text: str) -> None:
    """A tab or a line end at the front, as OWASP has it."""
    assert cell(text) == f'"name"\r\n"\'{text}"\r\n'


@pytest.mark.parametrize("text", ["", "a=1", " a", "'=", "\ufeffa", "1-2", "a\t=", 'say "=1"'])
def test_other_texts_are_as_they_are(text: str) -> None:
    doubled = text.replace('"', '""')
    assert cell(text) == f'"name"\r\n"{doubled}"\r\n'


def test_texts_are_quoted_and_numbers_are_numbers() -> None:
    payload = jobs(
        [{"name": "1", "priority": -5, "is_paused": True, "min_cores": -1.5, "state": 1}]
    )
    fields = "name,priority,isPaused,minCores,state,jobStats.deadFrames"
    (_, line, _) = seen(payload, fields=fields, format="csv").decode().split("\r\n")
    assert line == '"1",-5,true,-1.5,"FINISHED",'


def test_csv_without_fields_has_all_single_values() -> None:
    text = seen(jobs([{"name": "a"}]), format="csv").decode()
    names = next(csv.reader([text.splitlines()[0]]))
    assert {"name", "minCores", "jobStats.deadFrames"} <= set(names)
    assert not [name for name in names if name == "jobStats"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"fields": "nme"}, "_fields: job.Job has no field 'nme'; did you mean name?"),
        ({"fields": "deadFrame"}, "no field 'deadFrame'; did you mean deadFrames?"),
        ({"where": "dead>0"}, "_where: job.Job has no field 'dead'; did you mean deadFrames?"),
        ({"fields": "qqq"}, "no field 'qqq'; there are id, state, name, shot, show, user, group, "),
        ({"where": "user == lena"}, "_where: equality is =, not == (at 7)"),
        ({"fields": "name,"}, "_fields: expected names"),
        ({"fields": "name.first"}, "_fields: 'name' has no fields"),
        ({"where": ""}, "_where: expected a field at 1, found the end"),
        ({"where": "name="}, "_where: expected a value at 6, found the end"),
        ({"where": "name=a b"}, "_where: expected and, or, or the end at 8, found 'b'"),
        ({"where": "(name=a"}, "_where: expected `)`"),
        ({"where": "name='a"}, '_where: cannot read "\'a" at 6'),
        ({"where": "jobStats=1"}, "_where: jobStats is an object"),
        ({"where": "priority=high"}, "_where: priority: expected a number, got 'high'"),
        ({"where": "isPaused=yes"}, "_where: isPaused: expected true or false"),
        ({"where": "state=FINISH"}, "did you mean FINISHED?"),
        ({"where": "state=DEAD"}, "there are PENDING, FINISHED, STARTUP, SHUTDOWN, POSTED"),
        ({"where": "state>1"}, "_where: state has no order"),
        ({"where": "priority:1"}, "_where: priority is no text"),
        ({"where": "name~'('"}, "is no pattern of RE2"),
        ({"where": "(" * 100 + "name=a"}, "nested more than"),
        ({"where": "not " * 100 + "name=a"}, "nested more than"),
        ({"where": " or ".join(["name=a"] * 65)}, "more than 64 comparisons"),
        ({"where": "name=" + "a" * 5000}, "longer than 4096"),
        ({"sort": "jobStats"}, "_sort: jobStats is not a single value"),
        ({"sort": "nme"}, "_sort: job.Job has no field 'nme'; did you mean name?"),
        ({"limit": "-1"}, "_limit: expected a number of rows"),
        ({"offset": "-1"}, "_offset: expected a number of rows"),
        ({"offset": "2147483648"}, "_offset: expected a number of rows"),
        ({"limit": "9" * 30}, "_limit: expected a number of rows"),
        ({"limit": "0" * 5000}, "_limit: expected a number of rows"),
        ({"where": "state=--5"}, "no job.JobState is called '--5'"),
        ({"where": "state=²"}, "no job.JobState is called '²'"),
        ({"format": "xml"}, "_format: expected json, ndjson or csv"),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, str], words: str) -> None:
    assert words in refusal(**asked)


def test_a_cache_buster_and_names_of_fields_are_left_alone() -> None:
    pairs = [("_fields", "a"), ("_", "1700000000"), ("r.shows", "b"), ("r.shows", "c")]
    assert QUERIES.options_in(pairs) == {"_fields": "a"}


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("_feilds", "a")], "_feilds: there is no such parameter; did you mean _fields?"),
        ([("_filter", "a")], "_filter: there is no such parameter; "),
        ([("_qq", "2")], "_qq: there is no such parameter; there are _fields, _where, _group, "),
        ([("_", "now")], "_: there is no such parameter; "),
        ([("_", "")], "_: there is no such parameter; "),
        ([("_", "²")], "_: there is no such parameter; "),
        ([("_" + "x" * 9000, "")], "x: there is no such parameter; "),
        ([("_limit", "1"), ("_limit", "2")], "_limit: it is there twice"),
        pytest.param(
            [("_watch", "1")],
            "_watch: there is no such parameter; to watch, send Accept: text/event",
            marks=needs("watch"),
        ),
        ([("_count_by", "show")], "; did you mean _group=show&_count=true?"),
        ([("_countBy", "show")], "; did you mean _group=show&_count=true?"),
        ([("_order", "name")], "; did you mean _sort=name?"),
        ([("_order_by", "name")], "; did you mean _sort=name?"),
        ([("_orderby", "x" * 9000)], "; did you mean _sort=xxx"),
    ],
)
def test_other_names_that_begin_with_an_underscore_are_refused(
    pairs: list[tuple[str, str]], words: str
) -> None:
    """`_ofset=3` would otherwise answer all rows."""
    with pytest.raises(GatewayError) as refused:
        QUERIES.options_in(pairs)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert words in refused.value.message
    assert len(refused.value.message) < 300


OTHERS: OtherNames = {
    "job.Job": {
        "owner": ("user",),
        "artist": Beginning("user", "@"),
        "log": "its log is in logDir",
    }
}


def by_other_names(payload: bytes, **asked: str) -> bytes:
    given = {f"_{name}": text for name, text in asked.items()}
    find = partial(find_path, aliases=OTHERS)
    view = make_view(GET_JOBS.descriptor.output_type, given, find=find)
    return b"".join(compile_view(view, GET_JOBS.encoders)(payload, STEP))


def test_fields_go_by_other_names() -> None:
    """In answers, too. The case, and underscores, make no difference."""
    payload = jobs([{"user": "lena@a"}, {"user": "marco"}, {"user": "lena@b"}])
    assert rows_in([by_other_names(payload, fields="owner,Own_er", where="owner~'^lena'")]) == [
        {"owner": user, "Own_er": user} for user in ("lena@a", "lena@b")
    ]
    assert by_other_names(payload, count="owner", format="csv").splitlines()[:2] == [
        b'"owner","count"',
        b'"lena@a",1',
    ]


def test_a_name_may_be_of_the_beginning_of_a_text() -> None:
    payload = jobs([{"user": "marco"}, {"user": "lena@a"}, {"user": "lena@b"}, {}])
    shown = rows_in([by_other_names(payload, fields="artist,user", sort="-user")])
    assert [(row["artist"], row["user"]) for row in shown] == [
        *[("marco", "marco"), ("lena", "lena@b"), ("lena", "lena@a")],
        ("", ""),
    ]
    csv_ = by_other_names(payload, fields="artist", where="artist=lena", format="csv")
    assert csv_ == b'"artist"\r\n"lena"\r\n"lena"\r\n'
    counted = by_other_names(payload, group="artist", count="true", sort="-artist", format="ndjson")
    assert [orjson.loads(line) for line in counted.splitlines()] == [
        {"artist": artist, "count": count} for artist, count in (("marco", 1), ("lena", 2), ("", 1))
    ]


@pytest.mark.parametrize("asked", [{"fields": "log"}, {"where": "log=x"}, {"sort": "-LOG"}])
def test_where_it_is_is_told_of_what_is_no_field(asked: dict[str, str]) -> None:
    (parameter,) = asked
    with pytest.raises(GatewayError, match=f"^_{parameter}: its log is in logDir$"):
        by_other_names(b"", **asked)


def test_all_fields_are_listed() -> None:
    fields = [field.json_name for field in message_class("job.Job").DESCRIPTOR.fields]
    assert refusal(fields="qqq").endswith(f"; there are {', '.join(fields)}")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("deadFrames:desc", "-deadFrames"),
        ("deadFrames desc,name ASC", "-deadFrames,name"),
        ("deadFrames:asc", "deadFrames"),
    ],
)
def test_the_direction_may_be_written_behind(text: str, same: str) -> None:
    payload = jobs(
        [{"id": f"{n}", "name": f"{n % 2}", "job_stats": {"dead_frames": n % 3}} for n in range(9)]
    )
    assert seen(payload, sort=text) == seen(payload, sort=same)
    assert seen(payload, sort="deadFrames") != seen(payload, sort="-deadFrames")
