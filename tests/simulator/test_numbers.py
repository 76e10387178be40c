"""Numbers that nobody would send: they are cut as Java does, and the farm lives on."""

import math
from contextlib import suppress
from typing import Any

import pytest

from cuebot_simulator.world.cores import hundredths, java_int, whole_cores
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.refusals import Refusal
from tests.simulator.in_process import Cuebot
from tests.simulator.test_studio import assert_sums

MOST = 2**31 - 1
NUMBERS = (math.nan, math.inf, -math.inf, 3e38, -3e38)


@pytest.mark.parametrize(
    ("number", "cut"),
    [
        (math.nan, 0),
        (math.inf, MOST),
        (-math.inf, -(2**31)),
        (1e30, MOST),
        (-1e30, -(2**31)),
        (2.9, 2),
        (-2.9, -2),
    ],
)
def test_numbers_are_cut_to_an_int(number: float, cut: int) -> None:
    assert java_int(number) == cut


def test_cores_are_cut_to_what_fits() -> None:
    assert [whole_cores(number) for number in NUMBERS] == [0, MOST, -MOST - 1, MOST, -MOST - 1]
    assert [hundredths(number) for number in NUMBERS[:2]] == [0, MOST / 100]
    assert whole_cores(-1) == -1


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("JobInterface/SetMinCores", "val"),
        ("JobInterface/SetMaxCores", "val"),
        ("LayerInterface/SetMinCores", "cores"),
        ("LayerInterface/SetMaxCores", "cores"),
        ("GroupInterface/SetMinCores", "min_cores"),
        ("GroupInterface/SetDefaultJobMinCores", "min_cores"),
        ("GroupInterface/SetDefaultJobMaxCores", "max_cores"),
        ("ShowInterface/SetDefaultMaxCores", "max_cores"),
        ("DepartmentInterface/SetManagedCores", "managed_cores"),
    ],
)
def test_any_number_of_cores_is_set(cuebot: Cuebot, method: str, field: str, number: float) -> None:
    kind = method.removesuffix("Interface/" + method.partition("/")[2]).lower()
    things: dict[str, Any] = getattr(cuebot.farm, f"{kind}s")
    for key in list(things):
        with suppress(Refusal):
            cuebot(method, **{kind: {"id": key}, field: number})
    cuebot.wait(30)
    assert_sums(cuebot.farm)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("SetMinGpus", {"min_gpus": -5}),
        ("SetMinGpus", {"min_gpus": -(2**31)}),
        ("SetMinGpus", {"min_gpus": MOST}),
        ("SetMinGpuMemory", {"gpu_memory": -(2**63)}),
        ("SetMinGpuMemory", {"gpu_memory": 2**63 - 1}),
        ("SetMinMemory", {"memory": -(2**63)}),
        ("SetMinMemory", {"memory": 2**63 - 1}),
    ],
)
def test_a_host_never_gains_by_a_frame(cuebot: Cuebot, method: str, values: dict[str, int]) -> None:
    for layer in list(cuebot.farm.layers):
        cuebot(f"LayerInterface/{method}", layer={"id": layer}, **values)
    cuebot.wait(300)
    assert_sums(cuebot.farm)
    for host in cuebot.farm.hosts.values():
        assert 0 <= host.idle_gpus <= host.gpus
        assert 0 <= host.idle_gpu_memory <= host.gpu_memory
        assert 0 <= host.idle_memory <= host.memory


def test_frames_with_less_than_no_cores_take_none(cuebot: Cuebot) -> None:
    for layer in cuebot.farm.layers.values():
        fill(layer, min_cores=-3.0)
    cuebot.wait(300)
    assert_sums(cuebot.farm)
    assert all(host.idle_cores <= host.cores for host in cuebot.farm.hosts.values())
