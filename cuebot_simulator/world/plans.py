"""Plans: what a job, a layer or a machine will be."""

from dataclasses import dataclass

GIGABYTE_KB = 1024 * 1024  # in KB, as Cuebot counts memory
LEAST_MEMORY_KB = GIGABYTE_KB // 4
"""The least that a layer can have."""
SEEDED_MEMORY_GB = 3_355_443 / GIGABYTE_KB
"""That of the services in Cuebot's initial database."""
FRAME_SECONDS = (30, 240)
"""How long a frame runs, unless its layer says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """A layer, and what a frame of it takes."""

    name: str
    services: tuple[str, ...] = ("shell",)
    frames: tuple[int, ...]  # their numbers, in dispatch order
    range: str = ""  # the frames as text, such as `1-10x2`; made of the numbers if empty
    chunk: int = 1
    kind: str = "RENDER"  # PRE, RENDER, POST or UTIL
    command: str = ""
    cores: float = 1.0
    max_cores: float = 0.0
    threadable: bool = True
    memory: float = 4.0  # in GB
    gpus: int = 0
    max_gpus: int = 0
    gpu_memory: float = 0.0  # in GB
    limits: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("general",)
    timeout: int = 0
    timeout_llu: int = 0  # minutes
    outputs: tuple[str, ...] = ()
    past: tuple[tuple[str, int], ...] = ()
    """States of the first frames, and their numbers. The others wait."""
    seconds: tuple[int, int] = FRAME_SECONDS
    """How long a frame runs, at least and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependPlan:
    """A dependency of a planned job. Empty names are not part of it."""

    kind: str  # A depend.DependType, such as LAYER_ON_LAYER
    job: str = ""  # the full name of the job that waits, or empty for the plan's own
    layer: str = ""
    frame: str = ""
    on_job: str = ""  # the full name of another job, or empty for the same
    on_layer: str = ""
    on_frame: str = ""
    any_frame: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """The part of a machine that its owner lends to a job, as in a request for a partition."""

    username: str
    host: str
    threads: int = 0
    max_cores: int = 0
    max_memory: int = 0  # in KB
    max_gpus: int = 0
    max_gpu_memory: int = 0  # in KB


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job. Its full name is `show-shot-user_name`."""

    show: str
    shot: str
    user: str
    name: str
    layers: tuple[LayerPlan, ...]
    group: str = ""  # the show's root group if empty
    facility: str = ""  # the default facility if empty
    os: str = "rocky9"
    uid: int = 0  # a number that depends on the user if 0
    email: str = ""
    priority: int = 100
    max_cores: float = 100.0
    max_gpus: int = 100
    max_retries: int = 1
    auto_eat: bool = False
    paused: bool = False
    depends: tuple[DependPlan, ...] = ()
    post: "JobPlan | None" = None  # the job that follows this one
    local: LocalPlan | None = None
    minutes: int = 0  # since its launch
    finished: bool = False
    comment: str = ""

    @property
    def full_name(self) -> str:
        owner = f"{self.show}-{self.shot}-{self.user}".rstrip("_")
        return f"{owner}_{self.name}".lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    name: str
    alloc: str
    cores: int
    memory: int  # in GB
    gpus: int = 0
    state: str = "UP"
    lock: str = "OPEN"
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPlan:
    show: str
    name: str
    kind: str = "MATCH_ALL"
    matchers: tuple[tuple[str, str, str], ...]  # subject, type and input of each
    actions: tuple[tuple[str, str, float | str | None], ...]
    """Type, value type and value of each. A group is a name."""
