"""Plans: what a job, a layer or a machine is to be, before it is on the farm."""

from dataclasses import dataclass

GIGABYTE = 1024 * 1024
"""In KB, as Cuebot counts memory."""
LEAST_MEMORY = GIGABYTE // 4
"""In KB. Where less is set for a layer, it gets this."""
SEEDED_MEMORY = 3_355_443 / GIGABYTE
"""In GB: what the services take that Cuebot brings along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """A layer, and what it takes to run a frame of it."""

    name: str
    services: tuple[str, ...] = ("shell",)
    frames: tuple[int, ...]
    """Their numbers, in dispatch order."""
    range: str = ""
    """The frames as text, such as `1-10x2`; made of the numbers if empty."""
    chunk: int = 1
    kind: str = "RENDER"
    """PRE, RENDER, POST or UTIL."""
    command: str = ""
    cores: float = 1.0
    max_cores: float = 0.0
    threadable: bool = True
    memory: float = 4.0
    """In GB."""
    gpus: int = 0
    max_gpus: int = 0
    gpu_memory: float = 0.0
    """In GB."""
    limits: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("general",)
    timeout: int = 0
    timeout_llu: int = 0
    """Minutes."""
    outputs: tuple[str, ...] = ()
    past: tuple[tuple[str, int], ...] = ()
    """States of the first frames, and how many are in each. The others wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependPlan:
    """A dependency of a job that is to be launched. Empty names are not part of it."""

    kind: str
    """A depend.DependType, such as LAYER_ON_LAYER."""
    job: str = ""
    """The full name of the job that waits, or empty for the one whose plan it is in."""
    layer: str = ""
    frame: str = ""
    on_job: str = ""
    """The full name of another job, or empty for the same."""
    on_layer: str = ""
    on_frame: str = ""
    any_frame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """The part of a machine that its owner lends to a job."""

    host: str
    threads: int = 0
    cores: int = 0
    memory: int = 0
    """In KB."""
    gpus: int = 0
    gpu_memory: int = 0
    """In KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job. Its full name is `show-shot-user_name`."""

    show: str
    shot: str
    user: str
    name: str
    layers: tuple[LayerPlan, ...]
    group: str = ""
    """The show's root group if empty."""
    facility: str = ""
    """The default facility if empty."""
    os: str = "rocky9"
    uid: int = 0
    """A number that depends on the user if 0."""
    email: str = ""
    priority: int = 100
    max_cores: float = 100.0
    max_gpus: int = 100
    max_retries: int = 1
    auto_eat: bool = False
    paused: bool = False
    depends: tuple[DependPlan, ...] = ()
    post: "JobPlan | None" = None
    """What runs when this one is over."""
    local: LocalPlan | None = None
    minutes: int = 0
    """How long ago it was launched."""
    finished: bool = False
    comment: str = ""

    @property
    def full_name(self) -> str:
        owner = f"{self.show}-{self.shot}-{self.user}".rstrip("_")
        return f"{owner}_{self.name}".lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """A machine."""

    name: str
    alloc: str
    cores: int
    memory: int
    """In GB."""
    gpus: int = 0
    state: str = "UP"
    lock: str = "OPEN"
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPlan:
    """A filter of a show."""

    show: str
    name: str
    kind: str = "MATCH_ALL"
    matchers: tuple[tuple[str, str, str], ...]
    """Subject, type and input of each."""
    actions: tuple[tuple[str, str, float | str | None], ...]
    """Type, value type and value of each. A group is named."""
