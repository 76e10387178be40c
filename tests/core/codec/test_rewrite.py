"""Renames, moves and defaults of request fields, on parsed JSON."""

from copy import deepcopy
from typing import Any

import pytest

from gateway.core.codec.fields import json_name
from gateway.core.codec.rewrite import Body, BodyPath, Default, Rename, Rewrite, peek
from gateway.core.errors import Code, GatewayError


def at(*names: str) -> BodyPath:
    return BodyPath(json=tuple(map(json_name, names)), original=names)


CORES = Rename(at("cores"), at("min_cores"))
SHOW = Rename(at("r", "show", "name"), at("r", "shows"), as_list=True, root=at("r", "show"))
BY_NAME = Rename(at("show", "name"), at("show"), root=at("show"))
DEEPER = Rename(at("min_cores"), at("all_limits", "cores", "min_cores"))
CHOSEN = Rename(at("cores"), BodyPath(json=("coresAtLeast",), original=("min_cores",)))
REASON = Default(at("reason"), lambda: "none given", "")
ALSO = "also given as"
IN_SHOW = {"show": {"name": "demo"}}
OTHER, FOUR_CORES = {"x": 1}, {"cores": {"minCores": 4}}
CORES_LIST: dict[str, Any] = {"cores": []}
INNER = Default(at("by", "user_name"), lambda: "nobody", "")
CHECKED = Default(at("last_check"), lambda: 1_790_000_000, 0)


@pytest.mark.parametrize(
    ("step", "body", "after"),
    [
        (CORES, {"cores": 4}, {"minCores": 4}),
        (CORES, {"cores": 0}, {"minCores": 0}),
        (CORES, {"cores": False}, {"minCores": False}),
        (CORES, {"cores": "4", "group": {}}, {"minCores": "4", "group": {}}),
        (CORES, {"cores": None, "group": 1}, {"group": 1}),
        (CORES, {"cores": 4, "minCores": None}, {"minCores": 4}),
        (CORES, {"minCores": 4}, {"minCores": 4}),
        (CORES, {"group": {"cores": 4}}, {"group": {"cores": 4}}),
        (CORES, {}, {}),
        (SHOW, {"r": {"show": {"name": "demo"}}}, {"r": {"shows": ["demo"]}}),
        (SHOW, {"r": {"show": {"name": "demo"}, "x": 1}}, {"r": {"shows": ["demo"], "x": 1}}),
        (SHOW, {"r": {"show": {"name": "demo", "id": "1"}}}, {"r": {"shows": ["demo"]}}),
        (SHOW, {"r": {"show": "demo"}}, {"r": {"show": "demo"}}),
        (SHOW, {"r": [{"show": {"name": "demo"}}]}, {"r": [{"show": {"name": "demo"}}]}),
        (SHOW, {"r": None}, {"r": None}),
        (SHOW, {"r": {"show": {"name": []}}}, {"r": {"shows": [[]]}}),
        (BY_NAME, {"show": {"name": "demo"}, "name": "x"}, {"show": "demo", "name": "x"}),
        (BY_NAME, {"show": {"name": "demo", "id": "1"}}, {"show": "demo"}),
        (BY_NAME, {"show": {"id": "1"}}, {"show": {"id": "1"}}),
        (BY_NAME, {"show": "demo"}, {"show": "demo"}),
        (DEEPER, {"min_cores": 4}, {"allLimits": FOUR_CORES}),
        (DEEPER, {"minCores": 4, "allLimits": {}}, {"allLimits": FOUR_CORES}),
        (DEEPER, {"min_cores": 4, "all_limits": OTHER}, {"all_limits": {**OTHER, **FOUR_CORES}}),
        (DEEPER, {"minCores": 4, "allLimits": None}, {"allLimits": FOUR_CORES}),
        (Rename(at("a", "b"), at("c")), {"a": {"b": 1}}, {"c": 1}),
        (CHOSEN, {"cores": 4}, {"coresAtLeast": 4}),
        (CHOSEN, {"cores": 4, "min_cores": None}, {"min_cores": 4}),
        (REASON, {}, {"reason": "none given"}),
        (REASON, {"reason": ""}, {"reason": "none given"}),
        (REASON, {"reason": None}, {"reason": "none given"}),
        (REASON, {"reason": "plate"}, {"reason": "plate"}),
        (REASON, {"reason": 0}, {"reason": 0}),
        (INNER, {"by": {"user_name": "lena"}}, {"by": {"user_name": "lena"}}),
        (INNER, {"by": {"user_name": ""}}, {"by": {"userName": "nobody"}}),
        (INNER, {"by": {"x": 1}}, {"by": {"x": 1, "userName": "nobody"}}),
        (CHECKED, {}, {"lastCheck": 1_790_000_000}),
        (CHECKED, {"last_check": 0}, {"lastCheck": 1_790_000_000}),
        (CHECKED, {"last_check": 5}, {"last_check": 5}),
        (CHECKED, {"lastCheck": False}, {"lastCheck": False}),
        (CHECKED, {"lastCheck": ""}, {"lastCheck": ""}),
        (REASON, [], []),
        (CORES, None, None),
        (CORES, "cores", "cores"),
    ],
)
def test_only_what_is_at_documented_paths_moves(step: Rewrite, body: Any, after: Any) -> None:
    given = Body(deepcopy(body))
    given.rewrite([step])
    assert given.value == after


@pytest.mark.parametrize(
    ("step", "body", "message"),
    [
        (CORES, {"cores": 4, "minCores": 5}, "minCores: also given as cores; send one"),
        (CORES, {"cores": 4, "min_cores": 5}, "min_cores: also given as cores; send one"),
        (CORES, {"cores": 4, "minCores": 0}, "minCores: also given as cores; send one"),
        (CHOSEN, {"cores": 4, "min_cores": 5}, "min_cores: also given as cores; send one"),
        (CHOSEN, {"cores": 4, "coresAtLeast": 5}, "coresAtLeast: also given as cores; send one"),
        (SHOW, {"r": {**IN_SHOW, "shows": ["demo"]}}, f"r.shows: {ALSO} r.show.name; send one"),
        (DEEPER, {"minCores": 4, "allLimits": 3}, "allLimits: expected an object"),
        (DEEPER, {"minCores": 4, "allLimits": CORES_LIST}, "allLimits.cores: expected an object"),
    ],
)
def test_two_names_at_once_are_refused(step: Rewrite, body: Any, message: str) -> None:
    with pytest.raises(GatewayError) as raised:
        Body(body).rewrite([step])
    assert (raised.value.code, raised.value.message) == (Code.INVALID_ARGUMENT, message)


def test_one_step_sees_what_the_one_before_it_has_done() -> None:
    body = Body({"show": {"name": "demo"}})
    body.rewrite([BY_NAME, Rename(at("show"), at("shows"), as_list=True), REASON])
    assert body.value == {"shows": ["demo"], "reason": "none given"}


def test_the_json_name_comes_before_that_of_the_proto() -> None:
    """A body may have both where the two are names of different fields."""
    body = {"minCores": 4, "min_cores": 5}
    assert peek(body, at("min_cores")) == 4
    assert peek({"min_cores": 5}, at("min_cores")) == 5


def test_a_moved_value_is_told_as_written_whatever_the_spelling() -> None:
    """Errors are about the place that the body has, in the spelling of whoever wrote it."""
    body = Body({"min_cores": "x", "all_limits": {}})
    body.rewrite([DEEPER])
    assert body.as_written("all_limits.cores.minCores: expected a") == "minCores: expected a"


def test_what_stands_beside_a_moved_value_is_told() -> None:
    """It has no place with Cuebot; what is moved is told where the client had it."""
    body = Body({"r": {"show": {"name": "demo", "id": "1", "active": True}}})
    body.rewrite([SHOW, CORES])
    assert body.value == {"r": {"shows": ["demo"]}}
    assert body.left == ["r.show.id", "r.show.active"]
    assert body.as_written("r.shows[0]: expected a string") == "r.show.name: expected a string"
    assert body.as_written("r.showsome: x") == "r.showsome: x"
    assert body.as_written("minCores: x") == "minCores: x"
