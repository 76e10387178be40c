"""What counts as a difference between two answers, and of which kind."""

from typing import Any

import orjson
import pytest

from gateway.compat.build import build_catalog
from gateway.schema.selection import Selection
from gateway_cli.compare.comparison import is_within
from gateway_cli.compare.differences import COMPARED, Difference, Reply, compare, differences
from tests.support.opencue import opencue
from tests.support.protos import trial

SCALARS = "trial.Scalars"


def found(name: str, here: Any, there: Any) -> list[tuple[str, str]]:
    """Kind and place of each difference between two JSON objects of this type."""
    compared = differences(trial().message_type(name), here, there, {})
    return [(each.kind, each.path) for each in compared]


@pytest.mark.parametrize(
    ("field", "here", "there", "kind"),
    [
        pytest.param("anInt64", "5", 5, "integer-form", id="int64 as a number"),
        pytest.param("anInt64", "5", "+5", "integer-form", id="int64 with a sign"),
        pytest.param("anInt32", 5, "5", "integer-form", id="int32 as text"),
        pytest.param("anInt32", 5, 5.0, "integer-form", id="int32 with a point"),
        pytest.param("anInt64", "5", 6, "type", id="another number in another form"),
        pytest.param("anInt64", "9007199254740993", "9007199254740992", "value", id="near"),
        pytest.param("aFloat", 0.1, 0.10000000149011612, "float-form", id="float as double"),
        pytest.param("aFloat", 4, 4.0, "float-form", id="float with a point"),
        pytest.param("aFloat", 0.1, 0.2, "value", id="another float"),
        pytest.param("aDouble", 0.1, 0.10000000149011612, "value", id="another double"),
        pytest.param("aDouble", "NaN", "Infinity", "value", id="not a number"),
        pytest.param("aDouble", "1.5", 1.5, "float-form", id="double as text"),
        pytest.param("aBytes", "_-8=", "/+8", "base64-form", id="other alphabet"),
        pytest.param("aBytes", "AAAA", "AAAB", "value", id="other bytes"),
        pytest.param("aBytes", "a", "b", "value", id="no base64"),
        pytest.param("colour", "RED", 1, "enum-form", id="enum as a number"),
        pytest.param("colour", "CRIMSON", "RED", "enum-form", id="other name of it"),
        pytest.param("colour", "RED", "BLUE", "value", id="other value"),
        pytest.param("colour", "NEW", "NEWER", "value", id="unknown names"),
        pytest.param("aBool", True, 1, "type", id="true and one"),
        pytest.param("aString", "a", "b", "value", id="text"),
        pytest.param("aString", "5", 5, "type", id="text and number"),
    ],
)
def test_scalars(field: str, here: object, there: object, kind: str) -> None:
    """Two forms of one value are told from two values, on either side."""
    assert found(SCALARS, {field: here}, {field: there}) == [(kind, field)]
    assert found(SCALARS, {field: there}, {field: here}) == [(kind, field)]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        pytest.param("anInt64", "0", "default", id="int64"),
        pytest.param("aString", "", "default", id="text"),
        pytest.param("aString", "0", "only-here", id="text that is a zero"),
        pytest.param("aBool", False, "default", id="bool"),
        pytest.param("colour", "COLOUR_UNKNOWN", "default", id="enum"),
        pytest.param("colour", 0, "default", id="enum as a number"),
        pytest.param("colour", "RED", "only-here", id="enum that is set"),
        pytest.param("aDouble", 0, "default", id="double"),
        pytest.param("aString", None, "null", id="null"),
        pytest.param("aString", "x", "only-here", id="set"),
    ],
)
def test_what_only_one_has(field: str, value: object, kind: str) -> None:
    """A default that is left out, a null and a missing value are told apart."""
    assert found(SCALARS, {field: value}, {}) == [(kind, field)]
    mirrored = "only-there" if kind == "only-here" else kind
    assert found(SCALARS, {}, {field: value}) == [(mirrored, field)]


def test_names_of_the_proto() -> None:
    """A field under its other name is one difference, and its value is compared."""
    assert found(SCALARS, {"aString": "a"}, {"a_string": "a"}) == [("name", "aString")]
    assert found(SCALARS, {"aString": "a"}, {"a_string": "b"}) == [
        ("name", "aString"),
        ("value", "aString"),
    ]


def test_unknown_keys() -> None:
    """Fields that the schema does not have are compared as they are."""
    assert found(SCALARS, {"x": 1}, {"x": 1}) == []
    assert found(SCALARS, {"x": 1}, {"x": 2}) == [("value", "x")]
    assert found(SCALARS, {"x": 1}, {}) == [("only-here", "x")]
    assert found(SCALARS, {}, {"x": 1}) == [("only-there", "x")]


def test_only_the_names_of_the_reference_are_expected() -> None:
    """Names that the profile adds are expected on our side, and only there."""
    documented = {"host.Host": {"totalCores": "cores"}}
    host = opencue_type("host.Host")
    (mine,) = differences(host, {"totalCores": 4}, {}, documented)
    assert (mine.kind, mine.expected) == ("documented", True)
    (other,) = differences(host, {}, {"totalCores": 4}, documented)
    assert (other.kind, other.expected) == ("only-there", False)
    (another,) = differences(host, {"totalGpus": 4}, {}, documented)
    assert (another.kind, another.expected) == ("only-here", False)


def opencue_type(name: str) -> Any:
    catalog = build_catalog(opencue(), Selection())
    return catalog.methods[0].descriptor.containing_service.file.pool.FindMessageTypeByName(name)


def test_maps_and_messages() -> None:
    """Maps are compared by key; messages field by field; well-known types as they are written."""
    maps = [{"byInt64": {"1": "5", "2": "6"}}, {"byInt64": {"2": 6, "3": "7"}}]
    assert found("trial.Maps", *maps) == [
        ("only-here", "byInt64.1"),
        ("integer-form", "byInt64.2"),
        ("only-there", "byInt64.3"),
    ]
    rows = [{"messages": [{"anInt64": "1"}]}, {"messages": [{"anInt64": 1}]}]
    assert found("trial.Repeated", *rows) == [("integer-form", "messages[0].anInt64")]
    assert found("trial.Repeated", {"int32s": [1, 2]}, {"int32s": [2, 1]}) == [("order", "int32s")]
    assert found("google.protobuf.Timestamp", "2026-01-01T00:00:00Z", "x") == [("value", "")]


def test_long_lists() -> None:
    """Only the beginning and the length of a long list are compared."""
    show = opencue_type("show.ShowSeq")
    rows = [{"name": str(number)} for number in range(COMPARED + 1)]
    late = [*rows[:-1], {"name": "other"}]
    early = [{"name": "other"}, *rows[1:]]
    assert list(differences(show, {"shows": rows}, {"shows": late}, {})) == []
    assert [each.path for each in differences(show, {"shows": rows}, {"shows": early}, {})] == [
        "shows[0].name"
    ]
    (length,) = differences(show, {"shows": rows}, {"shows": rows[1:]}, {})
    assert (length.kind, length.here, length.there) == ("length", COMPARED + 1, COMPARED)


def test_what_is_within() -> None:
    """A place is within itself and what contains it, but not within its neighbours."""
    assert is_within("a.b[2].c", {"a.b"})
    assert is_within("a.b[2].c", {"a.b[2]"})
    assert is_within("a.b", {""})
    assert is_within("a.b", {"a.b"})
    assert not is_within("a.b[20]", {"a.b[2]"})
    assert not is_within("a.bc", {"a.b"})
    assert not is_within("a", {"a.b"})


GET_JOB = next(
    each
    for each in build_catalog(opencue(), Selection()).methods
    if each.path == "/job.JobInterface/GetJob"
)
OWN = {"error": "NOT_FOUND", "code": 5, "message": "gone"}
GO = {"code": 5, "message": "gone", "details": []}


def reply(status: int | None, shape: object = None) -> Reply:
    return Reply(status, orjson.dumps(shape))


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        pytest.param((404, OWN), (404, OWN), [], id="same"),
        pytest.param((404, OWN), (404, GO), [("error-shape", True)], id="shapes"),
        pytest.param((404, OWN), (404, GO | {"x": 1}), [("error-shape", False)], id="new shape"),
        pytest.param(
            *((404, OWN), (404, GO | {"message": "no"})),
            [("message", False), ("error-shape", True)],
            id="message",
        ),
        pytest.param(
            *((404, OWN), (404, GO | {"code": 2})),
            [("code", False), ("error-shape", True)],
            id="code",
        ),
        pytest.param(
            *((404, OWN), (404, GO | {"details": [1]})),
            [("error-shape", True), ("details", False)],
            id="details",
        ),
        pytest.param((200, {}), (404, GO), [("status", False)], id="lost"),
        pytest.param(
            (200, {}), (404, GO | {"message": "Not Found"}), [("unserved", True)], id="un"
        ),
        pytest.param(
            (404, OWN | {"message": "Not Found"}), (200, {}), [("status", False)], id="us"
        ),
        pytest.param((200, {}), (None, None), [("no-answer", False)], id="none"),
        pytest.param((200, {}), (200, []), [("not-json", False)], id="list"),
    ],
)
def test_replies(
    here: tuple[int | None, object],
    there: tuple[int | None, object],
    expected: list[tuple[str, bool]],
) -> None:
    """Statuses and errors are compared; only intended differences are expected."""
    found = compare(GET_JOB, reply(*here), reply(*there), {})
    assert [(each.kind, each.expected) for each in found] == expected


def test_the_same_text_that_is_no_json_is_the_same() -> None:
    """Equal pages from two proxies do not differ."""
    page = Reply(502, b"<html>")
    assert list(compare(GET_JOB, page, page, {})) == []
    (found,) = compare(GET_JOB, page, Reply(502, b"<html >"), {})
    assert found == Difference("not-json", "", "<html>", "<html >")
