"""A protobuf request and its answer, and tables of cases."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.support.needs import needs
from tests.support.opencue import message_class


def asked(name: str) -> bytes:
    payload: bytes = message_class("show.ShowFindShowRequest")(name=name).SerializeToString()
    return payload


def found(name: str) -> bytes:
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.name = name
    answer.show.default_min_cores = 0.1
    payload: bytes = answer.SerializeToString()
    return payload


OTHER_NEEDS = {
    "no token": "tokens",
    "a dry run": "dry_run",
    "a view": "views",
    "a view of a GET": "views",
}


def cases(table: Mapping[str, Any], compressed: Iterable[str]) -> list[Any]:
    """For `parametrize`; those whose names are in `compressed` need that feature."""
    needed = dict.fromkeys(compressed, "compression") | OTHER_NEEDS
    return [
        pytest.param(case, id=name, marks=needs(needed[name]) if name in needed else ())
        for name, case in table.items()
    ]
