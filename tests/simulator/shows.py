"""What tests of shows have in common."""

from typing import Any

from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from tests.simulator.in_process import Cuebot

LIGHT = "demo-sh010-artist1_light_v012"


def find(cuebot: Cuebot, name: str = "demo") -> Any:
    return cuebot("ShowInterface/FindShow", name=name).show


def ref(cuebot: Cuebot, name: str = "demo") -> dict[str, str]:
    return {"id": find(cuebot, name).id}


def create(cuebot: Cuebot, name: str = "tidal") -> dict[str, str]:
    return {"id": cuebot("ShowInterface/CreateShow", name=name).show.id}


def launch(cuebot: Cuebot, show: str) -> Any:
    layer = LayerPlan(name="beauty", frames=(1, 2))
    plan = JobPlan(show=show, shot="sh900", user="lena", name="new_v001", layers=(layer,))
    return launch_job(cuebot.farm, plan)


def running(cuebot: Cuebot, name: str = "demo") -> int:
    return int(find(cuebot, name).show_stats.running_frames)
