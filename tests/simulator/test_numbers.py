"""Numbers that nobody would send: they are cut as Java does, and no host gains by them."""

import math

import pytest

from cuebot_simulator.world.cores import hundredths, java_int, whole_cores
from cuebot_simulator.world.messages import fill
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


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("SetMinGpus", {"min_gpus": -5}),
        ("SetMinGpuMemory", {"gpu_memory": -(2**63)}),
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
