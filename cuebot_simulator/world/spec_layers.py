"""The layers of a job spec: what each says, and what its service says where it does not."""

from typing import Any
from xml.etree.ElementTree import Element

from cuebot_simulator.world.cores import NO_LIMIT, java_int
from cuebot_simulator.world.frame_range import in_chunks, numbers_of
from cuebot_simulator.world.messages import given
from cuebot_simulator.world.plans import GIGABYTE, LEAST_MEMORY, LayerPlan
from cuebot_simulator.world.spec_names import check_tag, conform_name
from cuebot_simulator.world.spec_xml import SpecError, is_true, parse_int, text_of, texts_of
from cuebot_simulator.world.state import Farm

DEFAULT_SERVICE = "default"
LEAST_UNITS, DEFAULT_UNITS, MOST_UNITS = 10, 100, 2400
"""Hundredths of cores."""
MOST_GPU_MEMORY = 100 * GIGABYTE
"""In KB."""
MOST_EXACT = 2**53
"""KB. What is more than that is counted as so much: floats have all numbers up to it."""


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
        memory=memory_of(element, service) / GIGABYTE,
        gpus=number_of(element, "gpus", given(service, "min_gpus", 0)),
        max_gpus=given(service, "max_gpus", 0),
        gpu_memory=gpu_memory_of(element, service) / GIGABYTE,
        limits=texts_of(element, "limits"),
        tags=tags_of(element, service),
        timeout=number_of(element, "timeout", given(service, "timeout", 0)),
        timeout_llu=number_of(element, "timeout_llu", given(service, "timeout_llu", 0)),
        outputs=texts_of(element, "outputs"),
    )


def services_of(farm: Farm, show: str, element: Element) -> tuple[tuple[str, ...], Any]:
    """The services of a layer, and the first of them that there is, or else the default one."""
    names = texts_of(element, "services")
    for name in names:
        if (service := find_service(farm, show, name)) is not None:
            return names, service
    service = find_service(farm, show, DEFAULT_SERVICE)
    if service is None:
        raise SpecError("Incorrect result size: expected 1, actual 0")
    return (*names, DEFAULT_SERVICE), service


def find_service(farm: Farm, show: str, name: str) -> Any:
    """What a service takes on a show: the show's own override, or the service, or None."""
    shows = {each.id for each in farm.shows.values() if each.name == show}
    for override in farm.service_overrides.values():
        if farm.parent_of.get(override.id) in shows and override.data.name == name:
            return override.data
    return next((each for each in farm.services.values() if each.name == name), None)


def core_units(element: Element, default: int) -> int:
    """Hundredths of cores. With a point the text is cores, without one hundredths of them.

    None are all that a host has, and less are all but so many.
    """
    text = text_of(element, "cores")
    if text is None:
        return max(default, LEAST_UNITS) if default > 0 else default
    if "." in text:
        units = java_int(parse_float(text) * 100 + (-0.5 if "-" in text else 0.5))
    else:
        units = parse_int(text)
    return DEFAULT_UNITS if 0 < units < LEAST_UNITS else min(units, MOST_UNITS)


def shown_cores(units: int) -> float:
    """Cores, as Cuebot shows hundredths of them: -1 is no number of them, and stays."""
    return NO_LIMIT if units == NO_LIMIT else units / 100


def parse_float(text: str) -> float:
    """A number with a fraction. Raises SpecError, as Java does."""
    if not text:
        raise SpecError("empty String")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number or set(text.lower()) - set("+-.e0123456789"):
        raise SpecError(f'For input string: "{text[:80]}"')
    return number


def is_threadable(element: Element, service: Any, units: int) -> bool:
    """A part of a core cannot be shared by threads, whatever the spec or the service says."""
    text = text_of(element, "threadable")
    return not 0 < units < 100 and (bool(service.threadable) if text is None else is_true(text))


def memory_of(element: Element, service: Any) -> int:
    """KB. Too little is raised; of too much Cuebot warns, and takes it. Raises SpecError."""
    text = text_of(element, "memory")
    return int(service.min_memory) if text is None else max(kilobytes(text), LEAST_MEMORY)


def gpu_memory_of(element: Element, service: Any) -> int:
    """KB. What cannot be read or is too much counts as none."""
    text = text_of(element, "gpu_memory")
    if text is None:
        text = text_of(element, "gpu")
    if text is None:
        return int(given(service, "min_gpu_memory", 0))
    try:
        memory = kilobytes(text)
    except SpecError:
        return 0
    return memory if 0 <= memory <= MOST_GPU_MEMORY else 0


def kilobytes(text: str) -> int:
    """`512.5m`, `4g` or `4` (GB) in KB. Raises SpecError."""
    text = text.lower()
    if "m" in text:
        size = parse_float(text[: text.rindex("m")]) * 1024
    else:
        size = parse_int(text[: text.rindex("g")] if "g" in text else text, bits=64) * GIGABYTE
    return int(max(min(size, MOST_EXACT), -MOST_EXACT))


def number_of(element: Element, name: str, default: int) -> int:
    text = text_of(element, name)
    return default if text is None else parse_int(text)


def tags_of(element: Element, service: Any) -> tuple[str, ...]:
    """`general | gpu`, or the service's tags. Raises SpecError for what is no tag."""
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
