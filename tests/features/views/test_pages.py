"""Pages: `_offset` and `_limit` cut the rows that a view shows, in an order that stays the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.render import ROWS_PER_SORT, Viewed
from tests.features.views.answers import GET_HOSTS, LOOKS, Row, hosts, rows_seen, shown
from tests.support.clocks import step_of


def seen(payload: bytes, **asked: object) -> list[Row]:
    return rows_seen(payload, GET_HOSTS, **asked)


HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids().map(str),
            "name": st.sampled_from(["a", "b", "c"]),
            "load": st.integers(0, 2),
            "os": st.sampled_from(["", "linux"]),
        }
    ),
    max_size=12,
)
NUMBERS = st.integers(0, 14)


@given(HOSTS, NUMBERS, st.none() | NUMBERS)
def test_a_page_is_a_part_of_cuebots_order(
    values: list[Row], offset: int, limit: int | None
) -> None:
    payload = hosts(values)
    asked = {"offset": offset} | ({} if limit is None else {"limit": limit})
    end = None if limit is None else offset + limit
    assert seen(payload, **asked) == seen(payload)[offset:end]
    fitting = [row for row in seen(payload) if row["load"] > 0]
    assert seen(payload, where="load>0", **asked) == fitting[offset:end]


@given(HOSTS, NUMBERS, st.none() | NUMBERS, st.randoms())
def test_a_sorted_page_is_the_same_in_whatever_order_cuebot_has_its_rows(
    values: list[Row], offset: int, limit: int | None, chance: Any
) -> None:
    """Equal rows are sorted by their names and ids."""
    expected = sorted(
        seen(hosts(values)), key=lambda row: (-row["load"], row["os"], row["name"], row["id"])
    )
    chance.shuffle(values)
    asked = {"offset": offset} | ({} if limit is None else {"limit": limit})
    end = None if limit is None else offset + limit
    assert seen(hosts(values), sort="-load,os", **asked) == expected[offset:end]


@pytest.mark.parametrize("size", [1, 7, ROWS_PER_SORT - 1, ROWS_PER_SORT, ROWS_PER_SORT + 1])
@pytest.mark.parametrize("sort", ["", "os", "-load"])
def test_pages_together_are_all_rows(sort: str, size: int) -> None:
    """Whatever their size, and whether the first rows are kept or all are sorted."""
    count = 3 * ROWS_PER_SORT if size > 7 else 60
    values = [
        {"id": f"{n * 7919 % count:05}", "name": f"h{n % 9}", "load": n % 4, "os": "x"}
        for n in range(count)
    ]
    asked = {"sort": sort} if sort else {}
    found = []
    for offset in range(0, count + size, size):
        shuffled = values[offset % count :] + values[: offset % count] if sort else values
        found += seen(hosts(shuffled), offset=offset, limit=size, **asked)
    expected = seen(hosts(values))
    if sort:
        expected.sort(key=lambda row: (-row["load"] * (sort == "-load"), row["name"], row["id"]))
    assert found == expected


@pytest.mark.parametrize("asked", [{}, {"sort": "-load"}, {"sort": "-load", "limit": 5}])
def test_rows_before_the_page_take_no_step_longer(asked: dict[str, Any]) -> None:
    payload = hosts([{"id": f"{n:05}", "load": n % 7} for n in range(2000)])
    viewed = shown(payload, step_of(LOOKS), GET_HOSTS, offset=1990, **asked)
    assert isinstance(viewed, Viewed)
    before = paused = 0
    for _ in viewed:
        assert viewed.progress.looked_at - before <= LOOKS
        before = viewed.progress.looked_at
        paused += 1
    sorts = "sort" in asked
    assert paused >= (2 if sorts else 1) * 1990 / LOOKS, "skipping takes steps of its own"


@pytest.mark.parametrize(
    ("asked", "chooses", "follows"),
    [
        ({"_offset": "1"}, True, True),
        ({"_offset": "0"}, False, False),
        ({"_limit": "1"}, True, True),
        ({"_offset": "1", "_sort": "name"}, True, False),
        ({"_count": "true"}, True, False),
        ({"_group": "name"}, True, False),
        ({"_group": "name", "_limit": "1"}, True, False),
    ],
    ids=str,
)
def test_what_decides_by_its_place_has_an_etag_of_the_order(
    asked: dict[str, str], chooses: bool, follows: bool
) -> None:
    """Groups need all rows, in no order."""
    view = AnswerViews.of(GET_HOSTS).compiled(tuple(asked.items()))
    assert view is not None
    assert (view.chooses, view.follows_order) == (chooses, follows)
