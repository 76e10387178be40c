"""Limits."""

import shlex

import pytest

from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("limits -q", "arnold\nnuke_render\n"),
        ("limits ARN* --fields name,run --no-headers", "arnold  9/40\n"),
        ("limits --where run>=maxValue -q", ""),
        ("limits -o csv --no-headers --limit 1", '"arnold",9,40,"FRAME","ENFORCED"\n'),
    ],
)
async def test_lists(cuectl: Cuectl, line: str, printed: str) -> None:
    ran = await cuectl(*shlex.split(line))
    assert (ran.text, ran.status) == (printed, 0), ran.err


@pytest.mark.parametrize(
    ("line", "then", "printed"),
    [
        ("create-limit maya 5", "limits maya --fields run --no-headers", "0/5\n"),
        ("set-limit arnold nuke_render 7", "limits --where maxValue=7 -q", "arnold\nnuke_render\n"),
        ("set-limit 'nuke*' 7", "limits --where maxValue=7 -q", "nuke_render\n"),
        ("set-limit arnold 0", "limits --full -q", "arnold\n"),
        ("delete-limit arnold -y", "limits -q", "nuke_render\n"),
    ],
)
async def test_changes(cuectl: Cuectl, line: str, then: str, printed: str) -> None:
    ran = await cuectl(*shlex.split(line))
    assert ran.status == 0, ran.err
    assert (await cuectl(*shlex.split(then))).text == printed


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("limits arnld", NOT_FOUND, "no limit 'arnld'; did you mean arnold?"),
        ("create-limit maya", WRONG_USAGE, "Missing argument 'MAX'"),
        ("create-limit arnold 5", FAILED, "'arnold' exists already"),
        ("set-limit arnld 5", NOT_FOUND, "no limit 'arnld'; did you mean arnold?"),
        ("set-limit arnold nuke 5", NOT_FOUND, "no limit 'nuke'"),
        ("set-limit arnold 5.5", WRONG_USAGE, "'5.5' is no whole number"),
        ("set-limit arnold +5", WRONG_USAGE, "'+5' is a change: write the new value"),
        ("set-limit --all 3", FAILED, "set-limit all 2 limits -> 3?"),
        ("delete-limit 'a*'", FAILED, "Delete arnold, with 9 running frames? As many"),
    ],
)
async def test_what_is_wrong(cuectl: Cuectl, line: str, status: int, said: str) -> None:
    before = (await cuectl("limits", "-o", "csv")).text
    ran = await cuectl(*shlex.split(line))
    assert (ran.status, ran.text) == (status, ""), ran.err
    assert said in ran.err
    assert (await cuectl("limits", "-o", "csv")).text == before
