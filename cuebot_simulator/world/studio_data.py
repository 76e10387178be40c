"""The small studio of the demo: its shows, jobs and machines."""

from typing import Any

from cuebot_simulator.world.plans import DependPlan, FilterPlan, HostPlan, JobPlan, LayerPlan

FACILITY = "local"
GENERAL = "local.general"
DESKTOP = "local.desktop"


def numbers(count: int) -> tuple[int, ...]:
    return tuple(range(1001, 1001 + count))


SHOWS = {
    "demo": (("comp", "Compositing"), ("light", "Lighting"), ("fx", "Effects")),
    "harbor": (("comp", "Compositing"), ("light", "Lighting")),
    "northwind": (("comp", "Compositing"), ("roto", "Roto")),
}

DEPARTMENTS = ("Animation", "Compositing", "Effects", "Layout", "Lighting", "Pipeline", "Roto")
"""In addition to the default one, which every Cuebot has."""


def job(place: str, **settings: Any) -> JobPlan:
    """A job at `show/group/shot/user/name`, that mails its artist when it is over."""
    names = ("show", "group", "shot", "user", "name")
    where: dict[str, Any] = dict(zip(names, place.split("/"), strict=True))
    return JobPlan(**where, email=f"{where['user']}@studio.example", **settings)


LONG = (120, 4 * 3600)
"""Seconds of frames of jobs that the documentation names: of a dozen, some run for hours, so that
these jobs are there all afternoon.
"""


def layer(
    name: str, service: str, frames: int, cores: int, memory: int, **settings: Any
) -> LayerPlan:
    needs: dict[str, Any] = {"services": (service,), "cores": cores, "memory": memory}
    return LayerPlan(name=name, frames=numbers(frames), **needs, **settings)


JOBS = (
    job(
        "demo/comp/sh010/lena/comp_v003",
        minutes=95,
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="preview", on_layer="comp"),),
        layers=(
            layer(
                "comp",
                "nuke",
                24,
                2,
                8,
                limits=("nuke_render",),
                seconds=LONG,
                past=(("SUCCEEDED", 8), ("RUNNING", 3)),
            ),
            layer("preview", "ffmpeg", 1, 1, 2, kind="UTIL"),
        ),
    ),
    job(
        "demo/light/sh010/artist1/light_v012",
        priority=120,
        minutes=240,
        comment="Hold the last two for the new grass",
        layers=(
            layer("shadow", "arnold", 20, 2, 6, past=(("SUCCEEDED", 20),)),
            layer(
                "beauty",
                "arnold",
                20,
                4,
                12,
                limits=("arnold",),
                seconds=LONG,
                past=(("SUCCEEDED", 10), ("DEAD", 2), ("RUNNING", 4)),
            ),
        ),
    ),
    job(
        "demo/fx/sh020/marco/smoke_v001",
        priority=80,
        minutes=30,
        paused=True,
        depends=(DependPlan(kind="FRAME_BY_FRAME", layer="mesh", on_layer="sim"),),
        layers=(
            layer("sim", "houdini", 12, 8, 24, seconds=LONG),
            layer("mesh", "houdini", 12, 4, 8),
        ),
    ),
    job(
        "demo/comp/sh020/priya/comp_v007",
        minutes=600,
        finished=True,
        layers=(layer("comp", "nuke", 16, 2, 8, past=(("SUCCEEDED", 15), ("EATEN", 1))),),
    ),
    job(
        "harbor/light/hb110/tomas/light_v004",
        minutes=150,
        layers=(
            layer(
                "beauty",
                "arnold",
                24,
                4,
                16,
                limits=("arnold",),
                seconds=LONG,
                past=(("SUCCEEDED", 5), ("DEAD", 3), ("RUNNING", 5)),
            ),
        ),
    ),
    job(
        "harbor/harbor/hb120/artist2/anim_v021",
        priority=60,
        minutes=45,
        layers=(layer("playblast", "maya", 12, 1, 4, past=(("SUCCEEDED", 4), ("RUNNING", 2))),),
    ),
    job(
        "northwind/comp/ep02_030/priya/comp_v002",
        priority=90,
        minutes=20,
        layers=(layer("comp", "nuke", 20, 2, 8, limits=("nuke_render",), past=(("RUNNING", 2),)),),
    ),
    job(
        "northwind/roto/ep02_031/artist1/roto_v001",
        priority=50,
        minutes=5,
        layers=(layer("roto", "shell", 10, 1, 2),),
    ),
)


FILTERS = (
    FilterPlan(
        show="demo",
        name="dailies",
        kind="MATCH_ANY",
        matchers=(("JOB_NAME", "CONTAINS", "_dailies_"), ("SHOT", "IS", "dailies")),
        actions=(
            ("MOVE_JOB_TO_GROUP", "GROUP_TYPE", "comp"),
            ("SET_JOB_PRIORITY", "INTEGER_TYPE", 200),
        ),
    ),
    FilterPlan(
        show="demo",
        name="trainees",
        matchers=(("USER", "BEGINS_WITH", "trainee"), ("PRIORITY", "IS_NOT", "200")),
        actions=(
            ("SET_JOB_MAX_CORES", "FLOAT_TYPE", 8.0),
            ("SET_ALL_RENDER_LAYER_TAGS", "STRING_TYPE", "general"),
            ("STOP_PROCESSING", "NONE_TYPE", None),
        ),
    ),
)
"""None of them matches one of the jobs above."""

HOSTS = (
    *(
        HostPlan(name=f"render-node-{number:02}", alloc=GENERAL, cores=16, memory=64)
        for number in range(1, 6)
    ),
    HostPlan(
        name="render-node-06",
        alloc=GENERAL,
        cores=32,
        memory=128,
        lock="LOCKED",
        comment="Testing the new driver",
    ),
    HostPlan(name="render-node-07", alloc=GENERAL, cores=32, memory=128, state="DOWN"),
    HostPlan(name="desk-201", alloc=DESKTOP, cores=8, memory=32, owner="artist1"),
    HostPlan(
        name="desk-202", alloc=DESKTOP, cores=8, memory=32, owner="artist2", lock="NIMBY_LOCKED"
    ),
    HostPlan(name="desk-203", alloc=DESKTOP, cores=8, memory=32),
)

OWNERS = {"artist1": "demo", "artist2": "harbor"}
SERVICES = {"arnold": (1, 4), "ffmpeg": (1, 2), "houdini": (4, 16), "maya": (1, 4), "nuke": (1, 6)}
"""The studio's own: name to cores and memory (GB)."""
SEEDED_SERVICES = {"default": ("general", "desktop"), "shell": ("general", "util")}
"""From Cuebot's initial database: name to tags."""
LIMITS = {"arnold": 40, "nuke_render": 12}
