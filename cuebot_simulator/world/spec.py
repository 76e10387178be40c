"""Job specs: the XML that pyoutline and CueSubmit send, as plans.

Environment variables are read over: nothing on the farm shows them.
"""

from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from cuebot_simulator.world.plans import DependPlan, JobPlan, LayerPlan, LocalPlan
from cuebot_simulator.world.spec_layers import read_layer
from cuebot_simulator.world.spec_names import conform_frame_name, conform_job_name, conform_name
from cuebot_simulator.world.spec_xml import SpecError, is_true, parse_int, read_xml, text_of
from cuebot_simulator.world.state import Farm

MOST_JOBS = 1000
"""The only bound here that is not Cuebot's: pyoutline writes one job."""
MOST_LAYERS = 2000
MOST_FRAMES = 100_000
DEFAULT_PRIORITY = 1
MOST_RETRIES = 1
POST_USER = "monitor"
NO_LAYERS = (
    'Cannot invoke "org.jdom.Element.getChildren(String)" because the return value of'
    ' "org.jdom.Element.getChild(String)" is null'
)

LEVELS = {
    "JOB_ON_JOB": ("JOB", "JOB"),
    "JOB_ON_LAYER": ("JOB", "LAYER"),
    "JOB_ON_FRAME": ("JOB", "FRAME"),
    "LAYER_ON_JOB": ("LAYER", "JOB"),
    "LAYER_ON_LAYER": ("LAYER", "LAYER"),
    "LAYER_ON_FRAME": ("LAYER", "FRAME"),
    "FRAME_ON_JOB": ("FRAME", "JOB"),
    "FRAME_ON_LAYER": ("FRAME", "LAYER"),
    "FRAME_ON_FRAME": ("FRAME", "FRAME"),
    "FRAME_BY_FRAME": ("LAYER", "LAYER"),
    "PREVIOUS_FRAME": ("LAYER", "LAYER"),
    "LAYER_ON_SIM_FRAME": ("LAYER", "FRAME"),
}
"""What waits, and what for, by a depend.DependType."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a job spec asks for."""

    show: str
    jobs: tuple[JobPlan, ...]
    depends: tuple[DependPlan, ...]
    """Each of them once."""

    @property
    def names(self) -> list[str]:
        """The full names of the jobs, in the spec's order."""
        return [job.full_name for job in self.jobs]


def parse_spec(farm: Farm, text: str) -> Spec:
    """The spec in that XML, with the farm's services for defaults. Raises SpecError."""
    return SpecReader(farm, read_xml(text)).read()


class SpecReader:
    """Reads one spec, whose heads and sums are the same for all its jobs."""

    def __init__(self, farm: Farm, root: Element) -> None:
        self._farm = farm
        self._root = root
        self._frames = 0
        self.show = text_of(root, "show") or ""
        self.shot = conform_name("Shot", text_of(root, "shot") or "")
        self.user = text_of(root, "user") or ""
        uid = text_of(root, "uid")
        self.uid = None if uid is None else parse_int(uid)
        if self.user == "root" or self.uid == 0:
            raise SpecError("Cannot launch jobs as root.")

    def read(self) -> Spec:
        """The whole spec. Raises SpecError."""
        elements = self._root.findall("job")
        if len(elements) > MOST_JOBS:
            raise SpecError(f"error, your spec has {len(elements)} jobs, and {MOST_JOBS} are many")
        jobs = tuple(self.read_job(element) for element in elements)
        depends = map(self.read_depend, self._root.iterfind("depends/depend"))
        return Spec(show=self.show, jobs=jobs, depends=tuple(dict.fromkeys(depends)))

    def read_job(self, element: Element) -> JobPlan:
        job = JobPlan(
            show=self.show,
            shot=self.shot,
            user=self.user,
            name=self.job_name(element.attrib["name"]),
            layers=(),
            facility=(text_of(self._root, "facility") or "").lower(),
            os=text_of(element, "os") or "",
            uid=self.uid or 0,
            email=text_of(self._root, "email") or "",
            priority=int_or(element, "priority", DEFAULT_PRIORITY),
            max_cores=float(int_or(element, "maxcores", 100)),
            max_gpus=int_or(element, "maxgpus", 100),
            max_retries=min(max(int_or(element, "maxretries", MOST_RETRIES), 0), MOST_RETRIES),
            auto_eat=is_true(text_of(element, "autoeat")),
            paused=is_true(text_of(element, "paused")),
            local=read_local(element),
        )
        layers = self.read_layers(element, job.full_name)
        now = [layer for layer in layers if layer.kind != "POST"]
        later = [layer for layer in layers if layer.kind == "POST"]
        if not now:
            raise SpecError(f"The job {job.full_name} has no layers")
        post = self.post_job(job, later) if later else None
        return replace(job, layers=tuple(now), post=post)

    def read_layers(self, element: Element, job: str) -> list[LayerPlan]:
        if element.find("layers") is None:
            raise SpecError(NO_LAYERS)
        layers: dict[str, LayerPlan] = {}
        for each in element.iterfind("layers/layer"):
            layer = read_layer(self._farm, self.show, each)
            if layer.name in layers:
                raise SpecError(f"error, the layer {layer.name} was already defined in job {job}")
            layers[layer.name] = layer
            self._frames += len(layer.frames)
            if len(layers) > MOST_LAYERS:
                raise SpecError(
                    f"error, your job has {len(layers)} layers, "
                    f" the maximum number of allowed layers is {MOST_LAYERS}"
                )
            if self._frames > MOST_FRAMES:
                raise SpecError(
                    f"error, your job has {self._frames} frames,"
                    f" the maximum number of allowed frames is {MOST_FRAMES}"
                )
        return list(layers.values())

    def post_job(self, job: JobPlan, layers: list[LayerPlan]) -> JobPlan:
        """The job of a job's Post layers."""
        name = job.name.replace(self.user, POST_USER)
        return replace(
            job,
            user=POST_USER,
            name=f"{name}_post_job_{int(self._farm.agenda.now * 1000)}",
            layers=tuple(layers),
            email="",
            priority=DEFAULT_PRIORITY,
            max_cores=100.0,
            max_gpus=100,
            max_retries=2,
            auto_eat=False,
            paused=False,
            local=None,
        )

    def read_depend(self, element: Element) -> DependPlan:
        kind = element.attrib["type"].upper()
        layer, frame = ends_of(element, "deplayer", "depframe", LEVELS[kind][0])
        on_layer, on_frame = ends_of(element, "onlayer", "onframe", LEVELS[kind][1])
        if frame and frame == on_frame:
            raise SpecError(f"The frame name: {frame} cannot depend on itself.")
        return DependPlan(
            kind=kind,
            job=self.full_name(text_of(element, "depjob") or ""),
            layer=layer,
            frame=frame,
            on_job=self.full_name(text_of(element, "onjob") or ""),
            on_layer=on_layer,
            on_frame=on_frame,
            any_frame=kind == "LAYER_ON_LAYER" and is_true(element.get("anyframe")),
        )

    def job_name(self, name: str) -> str:
        """The part of a job's name that is its own. Raises SpecError."""
        return conform_job_name(f"{self.show}-{self.shot}-{self.user}_", name)

    def full_name(self, name: str) -> str:
        """The full name of a job that this spec calls so. Raises SpecError."""
        plan = JobPlan(
            show=self.show, shot=self.shot, user=self.user, name=self.job_name(name), layers=()
        )
        return plan.full_name


def ends_of(element: Element, layer_tag: str, frame_tag: str, level: str) -> tuple[str, str]:
    """The names of a layer and a frame, as far as the level of a dependency has them."""
    layer, frame = text_of(element, layer_tag), text_of(element, frame_tag)
    layer = "" if layer is None else conform_name("Layer", layer)
    frame = "" if frame is None else conform_frame_name(frame)
    if level == "FRAME":
        return frame.partition("-")[2], frame
    return (layer if level == "LAYER" else "", "")


def int_or(element: Element, name: str, default: int) -> int:
    text = text_of(element, name)
    return default if text is None else parse_int(text)


def read_local(element: Element) -> LocalPlan | None:
    """What the job's owner lends it of a machine. Raises SpecError."""
    local = element.find("localbook")
    if local is None:
        return None

    def number(name: str, bits: int = 32) -> int:
        text = local.get(name)
        return 0 if text is None else parse_int(text, bits=bits)

    return LocalPlan(
        host=local.get("host", ""),
        threads=number("threads"),
        cores=number("cores"),
        memory=number("memory", 64),
        gpus=number("gpus"),
        gpu_memory=number("gpu_memory", 64) or number("gpu", 64),
    )
