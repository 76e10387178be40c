"""The small studio of the demo: its shows, what they render, and on what."""

from dataclasses import replace

from cuebot_simulator.world.plans import DependPlan, FilterPlan, HostPlan, JobPlan, LayerPlan

FACILITY = "local"
GENERAL = "local.general"
DESKTOP = "local.desktop"


def numbers(count: int) -> tuple[int, ...]:
    """So many frame numbers, from 1001 on."""
    return tuple(range(1001, 1001 + count))


SHOWS = {
    "demo": (("comp", "Compositing"), ("light", "Lighting"), ("fx", "Effects")),
    "harbor": (("comp", "Compositing"), ("light", "Lighting")),
    "northwind": (("comp", "Compositing"), ("roto", "Roto")),
}

DEPARTMENTS = (
    "Animation",
    "Compositing",
    "Effects",
    "Layout",
    "Lighting",
    "Pipeline",
    "Roto",
)
"""Beside the default one, which every Cuebot has."""

PLANS = (
    JobPlan(
        show="demo",
        group="comp",
        shot="sh010",
        user="lena",
        name="comp_v003",
        priority=100,
        minutes=95,
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="preview", on_layer="comp"),),
        layers=(
            LayerPlan(
                name="comp",
                services=("nuke",),
                cores=2,
                memory=8,
                limits=("nuke_render",),
                frames=numbers(24),
                past=(
                    ("SUCCEEDED", 8),
                    ("RUNNING", 3),
                ),
            ),
            LayerPlan(
                name="preview",
                services=("ffmpeg",),
                cores=1,
                memory=2,
                kind="UTIL",
                frames=numbers(1),
            ),
        ),
    ),
    JobPlan(
        show="demo",
        group="light",
        shot="sh010",
        user="artist1",
        name="light_v012",
        priority=120,
        minutes=240,
        comment="Hold the last two for the new grass",
        layers=(
            LayerPlan(
                name="shadow",
                services=("arnold",),
                cores=2,
                memory=6,
                frames=numbers(20),
                past=(("SUCCEEDED", 20),),
            ),
            LayerPlan(
                name="beauty",
                services=("arnold",),
                cores=4,
                memory=12,
                limits=("arnold",),
                frames=numbers(20),
                past=(
                    ("SUCCEEDED", 10),
                    ("DEAD", 2),
                    ("RUNNING", 4),
                ),
            ),
        ),
    ),
    JobPlan(
        show="demo",
        group="fx",
        shot="sh020",
        user="marco",
        name="smoke_v001",
        priority=80,
        minutes=30,
        paused=True,
        depends=(DependPlan(kind="FRAME_BY_FRAME", layer="mesh", on_layer="sim"),),
        layers=(
            LayerPlan(name="sim", services=("houdini",), cores=8, memory=24, frames=numbers(12)),
            LayerPlan(name="mesh", services=("houdini",), cores=4, memory=8, frames=numbers(12)),
        ),
    ),
    JobPlan(
        show="demo",
        group="comp",
        shot="sh020",
        user="priya",
        name="comp_v007",
        priority=100,
        minutes=600,
        finished=True,
        layers=(
            LayerPlan(
                name="comp",
                services=("nuke",),
                cores=2,
                memory=8,
                frames=numbers(16),
                past=(
                    ("SUCCEEDED", 15),
                    ("EATEN", 1),
                ),
            ),
        ),
    ),
    JobPlan(
        show="harbor",
        group="light",
        shot="hb110",
        user="tomas",
        name="light_v004",
        priority=100,
        minutes=150,
        layers=(
            LayerPlan(
                name="beauty",
                services=("arnold",),
                cores=4,
                memory=16,
                limits=("arnold",),
                frames=numbers(24),
                past=(
                    ("SUCCEEDED", 5),
                    ("DEAD", 3),
                    ("RUNNING", 5),
                ),
            ),
        ),
    ),
    JobPlan(
        show="harbor",
        group="harbor",
        shot="hb120",
        user="artist2",
        name="anim_v021",
        priority=60,
        minutes=45,
        layers=(
            LayerPlan(
                name="playblast",
                services=("maya",),
                cores=1,
                memory=4,
                frames=numbers(12),
                past=(
                    ("SUCCEEDED", 4),
                    ("RUNNING", 2),
                ),
            ),
        ),
    ),
    JobPlan(
        show="northwind",
        group="comp",
        shot="ep02_030",
        user="priya",
        name="comp_v002",
        priority=90,
        minutes=20,
        layers=(
            LayerPlan(
                name="comp",
                services=("nuke",),
                cores=2,
                memory=8,
                limits=("nuke_render",),
                frames=numbers(20),
                past=(("RUNNING", 2),),
            ),
        ),
    ),
    JobPlan(
        show="northwind",
        group="roto",
        shot="ep02_031",
        user="artist1",
        name="roto_v001",
        priority=50,
        minutes=5,
        layers=(
            LayerPlan(name="roto", services=("shell",), cores=1, memory=2, frames=numbers(10)),
        ),
    ),
)

JOBS = tuple(replace(plan, email=f"{plan.user}@studio.example") for plan in PLANS)
"""Each tells its artist when it is over."""

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
"""None of them is for one of the jobs above."""

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
SERVICES = {
    "arnold": (1, 4),
    "ffmpeg": (1, 2),
    "houdini": (4, 16),
    "maya": (1, 4),
    "nuke": (1, 6),
}
"""The studio's own: name to cores and memory (GB)."""
SEEDED_SERVICES = {"default": ("general", "desktop"), "shell": ("general", "util")}
"""Of those that Cuebot brings along: name to tags."""
LIMITS = {"arnold": 40, "nuke_render": 12}
