"""Allocations."""

import shlex

import pytest

from gateway_client.terminal.exits import FAILED, NOT_FOUND
from tests.cuectl.calls import Cuectl


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("allocations -q", "local.desktop\nlocal.general\n"),
        ("allocations '*.general' --fields in-use,down,tag --no-headers", "48/144  1  general\n"),
        ("allocations --where tag=desktop -q", "local.desktop\n"),
        ("allocations --sum free --no-headers", "2  48\n"),
    ],
)
async def test_lists(cuectl: Cuectl, line: str, printed: str) -> None:
    ran = await cuectl(*shlex.split(line))
    assert (ran.text, ran.status) == (printed, 0), ran.err


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        ("create-allocation night", "night"),
        ("create-allocation local.night", "night"),
        ("create-allocation night dark", "dark"),
    ],
)
async def test_a_new_allocation(cuectl: Cuectl, line: str, tag: str) -> None:
    ran = await cuectl(*line.split())
    done, then = ran.err.splitlines()
    assert done == "cuectl: create-allocation: local.night"
    assert then.endswith("cuectl subscribe SHOW local.night SIZE BURST")
    listed = await cuectl("allocations", "--where", f"tag={tag}", "-q")
    assert listed.text == "local.night\n"


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("allocations general", NOT_FOUND, "no allocation 'general'; did you mean local.general?"),
        ("create-allocation general", FAILED, "local.general exists already"),
        ("create-allocation night --facility cloud", FAILED, "no facility 'cloud'"),
    ],
)
async def test_what_is_wrong(newcomer: Cuectl, line: str, status: int, said: str) -> None:
    ran = await newcomer(*line.split())
    assert (ran.status, ran.text) == (status, ""), ran.err
    assert said in ran.err
