"""Shows, their groups and their subscriptions."""

import shlex

import pytest

from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl

TREE = """\
NAME     SHOW
demo     demo
  comp   demo
  fx     demo
    fur  demo
  light  demo
"""


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("shows -q", "demo\nharbor\nnorthwind\n"),
        ("shows DEMO 'n*' --fields name,jobs --no-headers", "demo       3\nnorthwind  2\n"),
        ("shows --where 'dead>2' -q", "harbor\n"),
        (
            "shows --sort-by dead --limit 2 --fields name,dead -o csv --no-headers",
            '"harbor",3\n"demo",2\n',
        ),
        ("shows --sum jobs --no-headers", "3  7\n"),
        ("groups demo -q", "demo\ncomp\nfx\nlight\n"),
        ("groups demo --sort-by -name -q", "light\nfx\ndemo\ncomp\n"),
        ("groups demo --fields show,name --limit 1 --no-headers", "demo  demo\n"),
        ("groups --count-by show --sum jobs --limit 1 --no-headers", "demo  4  3\n"),
        ("groups demo harbor --where dead>2 --fields show,name --no-headers", "harbor  light\n"),
        ("subscriptions demo --fields size,burst --no-headers", "160  240\n  8   12\n"),
        ("subscriptions --where 'size<100 and show=demo' -q", "local.desktop.demo\n"),
        ("subscriptions --where 'used>0.1' -q", "local.general.demo\nlocal.general.harbor\n"),
        ("subscriptions --where cores>=22 -q", "local.general.demo\nlocal.general.harbor\n"),
        (
            "subscriptions --sort-by used --limit 2 --fields name,used --no-headers",
            "local.general.demo    14%\nlocal.general.harbor  14%\n",
        ),
    ],
)
async def test_lists(cuectl: Cuectl, line: str, printed: str) -> None:
    ran = await cuectl(*shlex.split(line))
    assert (ran.text, ran.status) == (printed, 0), ran.err


@pytest.mark.parametrize(
    ("line", "then", "printed"),
    [
        ("create-show winter autumn", "shows -q", "autumn\ndemo\nharbor\nnorthwind\nwinter"),
        ("booking demo 'n*' off", "shows --where booking -q", "harbor"),
        ("booking --all off -y", "shows --count-by booking --no-headers", "no  3"),
        ("create-group demo roto", "groups demo --where name=roto -q", "roto"),
        (
            "set-size local.general.demo 12.5",
            "subscriptions --where size=12.5 -q",
            "local.general.demo",
        ),
        ("set-size demo local.general 7", "subscriptions --where size=7 -q", "local.general.demo"),
        (
            "set-burst local.general DEMO 7",
            "subscriptions --where burst=7 -q",
            "local.general.demo",
        ),
        ("set-burst '*.demo' 7", "subscriptions --where burst=7 --sum size --no-headers", "2  168"),
        (
            "set-burst local.general.demo local.general.harbor 7",
            "subscriptions --where burst=7 -q",
            "local.general.demo\nlocal.general.harbor",
        ),
        (
            "set-size --show demo --alloc local.desktop 7",
            "subscriptions --where size=7 -q",
            "local.desktop.demo",
        ),
        (
            "set-size --alloc local.desktop 7",
            "subscriptions --where size=7 --fields show --no-headers",
            "demo\nharbor\nnorthwind",
        ),
        ("unsubscribe local.desktop.demo -y", "subscriptions demo -q", "local.general.demo"),
        ("unsubscribe demo local.desktop -y", "subscriptions demo -q", "local.general.demo"),
    ],
)
async def test_changes(cuectl: Cuectl, line: str, then: str, printed: str) -> None:
    ran = await cuectl(*shlex.split(line))
    assert ran.status == 0, ran.err
    assert (await cuectl(*shlex.split(then))).text == f"{printed}\n"


async def test_a_new_subscription_is_in_cores(cuectl: Cuectl) -> None:
    """Cuebot takes cores for a new one, and hundredths for one that exists."""
    made = await cuectl("create-show", "winter")
    assert made.err.endswith("new shows have no cores: cuectl subscribe winter ALLOC SIZE BURST\n")
    ran = await cuectl("subscribe", "winter", "local.general", "3", "4.5")
    assert ran.err == "cuectl: subscribe: local.general.winter -> 3 cores, 4.5 at most\n"
    fields = "size,burst,cores,used"
    listed = await cuectl("subscriptions", "winter", "--no-headers", "--fields", fields)
    assert listed.text.split() == ["3", "4.5", "0", "0%"]


async def test_groups_are_below_the_ones_that_they_are_in(cuectl: Cuectl) -> None:
    """In tables; other forms have the names alone."""
    assert (await cuectl("create-group", "demo", "fur", "fx")).status == 0
    both = await cuectl("groups", "demo", "harbor", "--fields", "name,show")
    assert both.text.startswith(TREE)
    assert (await cuectl("groups", "demo", "-q")).text == "demo\ncomp\nfx\nfur\nlight\n"
    assert [each["name"] for each in (await cuectl("groups", "demo", "-o", "json")).json][3] == (
        "fur"
    )


async def test_the_part_in_use_is_beside_the_rows_of_the_gateway(cuectl: Cuectl) -> None:
    rows = (await cuectl("subscriptions", "demo", "-o", "json")).json
    used, free = rows
    assert (used["reservedCores"], used["size"], used["sizeUsed"]) == (2200, 16000, 0.1375)
    assert (used["burstUsed"], free["sizeUsed"]) == (0.0917, 0)


async def test_nothing_is_a_part_of_no_cores(cuectl: Cuectl) -> None:
    await cuectl("set-size", "local.desktop.demo", "0")
    ran = await cuectl("subscriptions", "demo", "--fields", "name,used", "--no-headers")
    assert ran.text.splitlines()[1].split() == ["local.desktop.demo", "-"]


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("shows demoo", NOT_FOUND, "no show 'demoo'; did you mean demo?"),
        ("groups demoo harbor", NOT_FOUND, "no show 'demoo'; did you mean demo?"),
        ("booking demo", WRONG_USAGE, "'demo' is neither on nor off"),
        ("booking off", WRONG_USAGE, "which shows?"),
        ("booking --all off", FAILED, "no terminal to ask on"),
        ("create-group demo fur lght", NOT_FOUND, "did you mean 'light'?"),
        ("subscribe demo general 1 2", NOT_FOUND, "did you mean 'local.general'?"),
        ("subscribe demo local.general 1 2", FAILED, "exists already"),
        ("subscribe demo local.general 1 -2", WRONG_USAGE, "-2"),
        ("set-size 5", WRONG_USAGE, "which subscriptions?"),
        ("set-size local.general.demo many", WRONG_USAGE, "'many' is no number"),
        ("set-size local.general.demo +50", WRONG_USAGE, "write the new value"),
        ("set-size local.general.demo 0.001", WRONG_USAGE, "it would be 0"),
        ("set-size demo 5", NOT_FOUND, "'demo'; whole names are local.general.demo, local.desktop"),
        ("set-size demo nowhere 5", NOT_FOUND, "'demo'; whole names are local.general.demo"),
        ("set-size local.genral.demo 5", NOT_FOUND, "did you mean local.general.demo?"),
        ("set-size local.general.demo a.b 5", NOT_FOUND, "nothing was done"),
        ("set-size --show demoo 5", NOT_FOUND, "no show 'demoo'"),
        ("set-size local.general.demo --show harbor 5", WRONG_USAGE, "not among"),
        ("unsubscribe local.desktop.demo", FAILED, "Delete local.desktop.demo? Jobs of the show"),
        ("unsubscribe local.general.demo -y", FAILED, "with running procs"),
    ],
)
async def test_what_is_wrong(newcomer: Cuectl, line: str, status: int, said: str) -> None:
    ran = await newcomer(*shlex.split(line))
    assert (ran.status, ran.text) == (status, ""), ran.err
    assert said in ran.err
