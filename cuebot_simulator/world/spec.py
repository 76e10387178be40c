"""Job specs: the XML that pyoutline and CueSubmit send, as plans.

Environment variables are ignored: nothing on the farm shows them.
"""

import re
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

from cuebot_simulator.world.cores import NO_LIMIT, java_int
from cuebot_simulator.world.frame_range import in_chunks, numbers_of
from cuebot_simulator.world.messages import given
from cuebot_simulator.world.plans import (
    GIGABYTE_KB,
    LEAST_MEMORY_KB,
    DependPlan,
    JobPlan,
    LayerPlan,
    LocalPlan,
)
from cuebot_simulator.world.spec_xml import (
    SpecError,
    is_true,
    parse_int,
    read_xml,
    text_of,
    texts_of,
)
from cuebot_simulator.world.state import Farm

NAME = re.compile(r"[\w.]{3,}", re.ASCII)
FRAME_NAME = re.compile(r"(\d{4,6})-(\w+)", re.ASCII)


def conform_name(kind: str, name: str) -> str:
    """A Shot's or a Layer's name: lower case, without dashes. Raises SpecError."""
    if len(name) < 3:
        raise SpecError(f"The {kind.lower()} name must be at least 3 characters.")
    conformed = name.replace("-", "_").lower()
    if not NAME.fullmatch(conformed):
        raise SpecError(
            f"The {kind.lower()} name: {conformed} is not in the proper format.  {kind} names must"
            " be alpha numeric, no dashes or punctuation."
        )
    return conformed


def conform_job_name(prefix: str, name: str) -> str:
    """A job's name without a `show-shot-user_` at its beginning. Raises SpecError."""
    suffix = name.removeprefix(prefix[:-1]) if name.startswith(prefix) else name
    suffix = re.sub("_{2,}", "_", suffix.lower()).replace("-", "_")
    if not NAME.fullmatch(suffix):
        raise SpecError(
            f"The job name suffix: {suffix} must be composed of alpha numeric characters, periods,"
            " and underscores and be at least 3 characters long"
        )
    return suffix.lstrip("_")


def conform_frame_name(name: str) -> str:
    """A frame's name: `0001-layer`. Raises SpecError."""
    match = FRAME_NAME.fullmatch(name)
    if match is None:
        raise SpecError(f"The frame name: {name} is not in the proper format.")
    return f"{int(match[1]):04}-{conform_name('Layer', match[2])}"


def check_tag(tag: str) -> None:
    """Raise SpecError for a bad tag."""
    if not NAME.fullmatch(tag):
        raise SpecError(
            f"error, invalid tag {tag}, tags must be alpha numberic and at least 3 characters in"
            " length."
        )


DEFAULT_SERVICE = "default"
LEAST_CORE_UNITS, DEFAULT_CORE_UNITS, MOST_CORE_UNITS = 10, 100, 2400
"""Hundredths of cores."""
MOST_MEMORY_KB = 2**53
"""Floats have all whole numbers up to it. Larger sizes count as so much."""


def read_layer(farm: Farm, show: str, element: Element) -> LayerPlan:
    """The plan of one layer. Raises SpecError."""
    kind = element.attrib["type"].upper()
    name = conform_name("Layer", element.attrib["name"])
    services, service = services_of(farm, show, element)
    chunk = parse_int(text_of(element, "chunk"))
    units = core_units(element, service.min_cores)
    span = text_of(element, "range") or ""
    return LayerPlan(
        name=name,
        kind=kind,
        services=services,
        command=text_of(element, "cmd") or "",
        range=span,
        chunk=chunk,
        frames=frames_of(span, chunk),
        cores=shown_cores(units),
        max_cores=service.max_cores / 100,
        threadable=is_threadable(element, service, units),
        memory=memory_of(element, service) / GIGABYTE_KB,
        gpus=number_of(element, "gpus", given(service, "min_gpus", 0)),
        max_gpus=given(service, "max_gpus", 0),
        gpu_memory=gpu_memory_of(element, service) / GIGABYTE_KB,
        limits=texts_of(element, "limits"),
        tags=tags_of(element, service),
        timeout=number_of(element, "timeout", given(service, "timeout", 0)),
        timeout_llu=number_of(element, "timeout_llu", given(service, "timeout_llu", 0)),
        outputs=texts_of(element, "outputs"),
    )


def services_of(farm: Farm, show: str, element: Element) -> tuple[tuple[str, ...], Any]:
    """The services of a layer, and the first of them that exists, or else the default one."""
    names = texts_of(element, "services")
    for name in names:
        if (service := find_service(farm, show, name)) is not None:
            return names, service
    service = find_service(farm, show, DEFAULT_SERVICE)
    if service is None:
        raise SpecError("Incorrect result size: expected 1, actual 0")
    return (*names, DEFAULT_SERVICE), service


def find_service(farm: Farm, show: str, name: str) -> Any:
    """The show's override, the service of that name, or None."""
    shows = {each.id for each in farm.shows.values() if each.name == show}
    for override in farm.service_overrides.values():
        if farm.parent_of.get(override.id) in shows and override.data.name == name:
            return override.data
    return next((each for each in farm.services.values() if each.name == name), None)


def core_units(element: Element, default: int) -> int:
    """Hundredths of cores. A text with a point is in cores, one without in hundredths.

    0 is a whole host, and less is a whole host but so many.
    """
    text = text_of(element, "cores")
    if text is None:
        return max(default, LEAST_CORE_UNITS) if default > 0 else default
    if "." in text:
        units = java_int(parse_float(text) * 100 + (-0.5 if "-" in text else 0.5))
    else:
        units = parse_int(text)
    return DEFAULT_CORE_UNITS if 0 < units < LEAST_CORE_UNITS else min(units, MOST_CORE_UNITS)


def shown_cores(units: int) -> float:
    """Hundredths as cores. -1, no limit, stays."""
    return NO_LIMIT if units == NO_LIMIT else units / 100


def parse_float(text: str) -> float:
    """Raises SpecError."""
    if not text:
        raise SpecError("not a number: empty")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number or set(text.lower()) - set("+-.e0123456789"):
        raise SpecError(f"not a number: {text[:80]}")
    return number


def is_threadable(element: Element, service: Any, units: int) -> bool:
    """Threads cannot share a part of a core, whatever the spec or the service says."""
    text = text_of(element, "threadable")
    return not 0 < units < 100 and (bool(service.threadable) if text is None else is_true(text))


def memory_of(element: Element, service: Any) -> int:
    """KB, at least the minimum; Cuebot only warns of too much. Raises SpecError."""
    text = text_of(element, "memory")
    return int(service.min_memory) if text is None else max(kilobytes(text), LEAST_MEMORY_KB)


def gpu_memory_of(element: Element, service: Any) -> int:
    """KB. A bad text counts as none."""
    text = text_of(element, "gpu_memory")
    if text is None:
        text = text_of(element, "gpu")
    if text is None:
        return int(given(service, "min_gpu_memory", 0))
    try:
        return max(kilobytes(text), 0)
    except SpecError:
        return 0


def kilobytes(text: str) -> int:
    """`512.5m`, `4g` or `4` (GB) in KB. Raises SpecError."""
    text = text.lower()
    if "m" in text:
        size = parse_float(text[: text.rindex("m")]) * 1024
    else:
        size = parse_int(text[: text.rindex("g")] if "g" in text else text, bits=64) * GIGABYTE_KB
    return int(max(min(size, MOST_MEMORY_KB), -MOST_MEMORY_KB))


def number_of(element: Element, name: str, default: int) -> int:
    text = text_of(element, name)
    return default if text is None else parse_int(text)


def tags_of(element: Element, service: Any) -> tuple[str, ...]:
    """`general   gpu`, or the service's tags. Raises SpecError."""
    text = (text_of(element, "tags") or "").replace(" ", "").rstrip("|")
    if not text:
        return tuple(service.tags)
    tags = text.split("|")
    for tag in tags:
        check_tag(tag)
    return tuple(dict.fromkeys(tags))


def frames_of(span: str, chunk: int) -> tuple[int, ...]:
    """The frames of a layer: one per chunk. Raises SpecError."""
    try:
        return in_chunks(numbers_of(span), chunk)
    except ValueError:
        raise SpecError(f"error, the range {span[:80]} is invalid") from None


MOST_LAYERS = 2000
MOST_FRAMES = 100_000
DEFAULT_PRIORITY = 1
MOST_RETRIES = 1
POST_USER = "monitor"

PARTS = ("JOB", "LAYER", "FRAME")
LEVELS = {f"{part}_ON_{on}": (part, on) for part in PARTS for on in PARTS} | {
    "FRAME_BY_FRAME": ("LAYER", "LAYER"),
    "PREVIOUS_FRAME": ("LAYER", "LAYER"),
    "LAYER_ON_SIM_FRAME": ("LAYER", "FRAME"),
}
"""Both ends of a depend.DependType."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    show: str
    jobs: tuple[JobPlan, ...]
    depends: tuple[DependPlan, ...]

    @property
    def names(self) -> list[str]:
        return [job.full_name for job in self.jobs]


def parse_spec(farm: Farm, text: str) -> Spec:
    """The spec in that XML, with the farm's services for defaults. Raises SpecError."""
    return SpecReader(farm, read_xml(text)).read()


class SpecReader:
    """Reads one spec."""

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
        jobs = tuple(map(self.read_job, self._root.iterfind("job")))
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
            priority=number_of(element, "priority", DEFAULT_PRIORITY),
            max_cores=float(number_of(element, "maxcores", 100)),
            max_gpus=number_of(element, "maxgpus", 100),
            max_retries=min(max(number_of(element, "maxretries", MOST_RETRIES), 0), MOST_RETRIES),
            auto_eat=is_true(text_of(element, "autoeat")),
            paused=is_true(text_of(element, "paused")),
            local=read_local(element, self.user),
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
            raise SpecError("the job has no element layers")
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
        """The last part of a job's full name. Raises SpecError."""
        return conform_job_name(f"{self.show}-{self.shot}-{self.user}_", name)

    def full_name(self, name: str) -> str:
        """The full name of a job in this spec. Raises SpecError."""
        plan = JobPlan(
            show=self.show, shot=self.shot, user=self.user, name=self.job_name(name), layers=()
        )
        return plan.full_name


def ends_of(element: Element, layer_tag: str, frame_tag: str, level: str) -> tuple[str, str]:
    """The names of a layer and a frame, as far as a dependency of that level has them."""
    layer, frame = text_of(element, layer_tag), text_of(element, frame_tag)
    layer = "" if layer is None else conform_name("Layer", layer)
    frame = "" if frame is None else conform_frame_name(frame)
    if level == "FRAME":
        return frame.partition("-")[2], frame
    return (layer if level == "LAYER" else "", "")


def read_local(element: Element, user: str) -> LocalPlan | None:
    """The part of a machine that the job's owner lends it. Raises SpecError."""
    local = element.find("localbook")
    if local is None:
        return None

    def number(name: str, bits: int = 32) -> int:
        text = local.get(name)
        return 0 if text is None else parse_int(text, bits=bits)

    return LocalPlan(
        username=user,
        host=local.get("host", ""),
        threads=number("threads"),
        max_cores=number("cores"),
        max_memory=number("memory", 64),
        max_gpus=number("gpus"),
        max_gpu_memory=number("gpu_memory", 64) or number("gpu", 64),
    )
