"""What tests of shows have in common."""

from typing import Any

from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from tests.simulator.desk import Desk

LIGHT = "demo-sh010-artist1_light_v012"


def find(desk: Desk, name: str = "demo") -> Any:
    return desk("ShowInterface/FindShow", name=name).show


def ref(desk: Desk, name: str = "demo") -> dict[str, str]:
    return {"id": find(desk, name).id}


def create(desk: Desk, name: str = "tidal") -> dict[str, str]:
    return {"id": desk("ShowInterface/CreateShow", name=name).show.id}


def launch(desk: Desk, show: str) -> Any:
    layer = LayerPlan(name="beauty", frames=(1, 2))
    plan = JobPlan(show=show, shot="sh900", user="lena", name="new_v001", layers=(layer,))
    return launch_job(desk.farm, plan)


def running(desk: Desk, name: str = "demo") -> int:
    return int(find(desk, name).show_stats.running_frames)
