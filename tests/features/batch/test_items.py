"""The items of a batch, however they are written."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.features.batch.items import KEYS, MAX_ITEMS, Item, items_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {"method": st.text(min_size=1) | JSON},
        optional={"id": st.text() | st.integers(0, 9) | JSON, "request": JSON, "view": JSON},
    )
    | JSON,
    max_size=8,
)


def written(items: list[Any], *, lines: bool) -> bytes:
    return b"\r\n\n".join(map(orjson.dumps, items)) if lines else orjson.dumps(items)


@given(items=ITEMS)
def test_arrays_and_lines_say_the_same(items: list[Any]) -> None:
    """Whatever is asked: an item for each, with an id to answer to, or an error."""
    one, other = (items_of(written(items, lines=lines), is_lines=lines) for lines in (False, True))
    assert one == other
    assert len(one) == len(items)
    for index, (item, asked) in enumerate(zip(one, items, strict=True)):
        if is_refused(item):
            continue
        assert set(asked) <= set(KEYS)
        assert item.path.startswith("/")
        assert item.id == asked.get("id", index)
        assert orjson.loads(item.request or b"{}") == asked.get("request", {})


def is_refused(item: Item) -> bool:
    with suppress(GatewayError):
        item.check()
        return False
    return True


@given(body=st.binary() | ITEMS.map(lambda items: orjson.dumps(items)[:-1]))
def test_anything_else_is_an_error(body: bytes) -> None:
    for lines in (False, True):
        with suppress(GatewayError):
            items_of(body, is_lines=lines)


def test_numbers_are_left_as_they_are() -> None:
    body = b'[{"method": "/a/b", "request": {"x": 18446744073709551615, "y": -0.0, "z": 1e400}}]'
    with pytest.raises(GatewayError):
        items_of(body, is_lines=False)
    (item,) = items_of(body.replace(b"1e400", b"1e300"), is_lines=False)
    assert item.request.replace(b"e+", b"e") == b'{"x":18446744073709551615,"y":-0.0,"z":1e300}'


def test_views_are_query_strings() -> None:
    view = {"_where": "name=a&b=ü", "_limit": 3}
    (item,) = items_of(orjson.dumps([{"method": "/a/b", "view": view}]), is_lines=False)
    assert item == Item(0, "/a/b", b"_where=name%3Da%26b%3D%C3%BC&_limit=3")


@pytest.mark.parametrize("lines", [False, True])
def test_items_are_counted(lines: bool) -> None:
    most = [{"method": "/a/b"}] * MAX_ITEMS
    assert len(items_of(written(most, lines=lines), is_lines=lines)) == MAX_ITEMS
    with pytest.raises(GatewayError, match="more than 1000 items"):
        items_of(written([*most, 1], lines=lines), is_lines=lines)
