"""What the small studio of the demo has and renders, as data for `studio`."""

from dataclasses import dataclass

FACILITY = "local"
GENERAL = "local.general"
DESKTOP = "local.desktop"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """A layer: what it takes to run a frame, and how many frames are in which state, in order."""

    name: str
    service: str
    cores: float
    memory: int
    frames: tuple[tuple[str, int], ...]
    kind: str = "RENDER"
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job. Its full name is `show-shot-user_name`."""

    show: str
    group: str
    shot: str
    user: str
    name: str
    priority: int
    layers: tuple[LayerPlan, ...]
    minutes: int
    """How long ago it was launched."""
    paused: bool = False
    finished: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """A machine."""

    name: str
    alloc: str
    cores: int
    memory: int
    state: str = "UP"
    lock: str = "OPEN"
    owner: str = ""
    comment: str = ""


SHOWS = {
    "demo": (("comp", "Compositing"), ("light", "Lighting"), ("fx", "Effects")),
    "harbor": (("comp", "Compositing"), ("light", "Lighting")),
    "northwind": (("comp", "Compositing"), ("roto", "Roto")),
}

JOBS = (
    JobPlan(
        show="demo",
        group="comp",
        shot="sh010",
        user="lena",
        name="comp_v003",
        priority=100,
        minutes=95,
        layers=(
            LayerPlan(
                name="comp",
                service="nuke",
                cores=2,
                memory=8,
                limit="nuke_render",
                frames=(("SUCCEEDED", 8), ("RUNNING", 3), ("WAITING", 13)),
            ),
            LayerPlan(
                name="preview",
                service="ffmpeg",
                cores=1,
                memory=2,
                kind="UTIL",
                frames=(("DEPEND", 1),),
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
                service="arnold",
                cores=2,
                memory=6,
                frames=(("SUCCEEDED", 20),),
            ),
            LayerPlan(
                name="beauty",
                service="arnold",
                cores=4,
                memory=12,
                limit="arnold",
                frames=(("SUCCEEDED", 10), ("DEAD", 2), ("RUNNING", 4), ("WAITING", 4)),
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
        layers=(
            LayerPlan(name="sim", service="houdini", cores=8, memory=24, frames=(("WAITING", 12),)),
            LayerPlan(name="mesh", service="houdini", cores=4, memory=8, frames=(("DEPEND", 12),)),
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
                service="nuke",
                cores=2,
                memory=8,
                frames=(("SUCCEEDED", 15), ("EATEN", 1)),
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
                service="arnold",
                cores=4,
                memory=16,
                limit="arnold",
                frames=(("SUCCEEDED", 5), ("DEAD", 3), ("RUNNING", 5), ("WAITING", 11)),
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
                service="maya",
                cores=1,
                memory=4,
                frames=(("SUCCEEDED", 4), ("RUNNING", 2), ("WAITING", 6)),
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
                service="nuke",
                cores=2,
                memory=8,
                limit="nuke_render",
                frames=(("RUNNING", 2), ("WAITING", 18)),
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
            LayerPlan(name="roto", service="shell", cores=1, memory=2, frames=(("WAITING", 10),)),
        ),
    ),
)

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
    "shell": (1, 2),
}
"""Name to cores and memory (GB)."""
LIMITS = {"arnold": 40, "nuke_render": 12}
