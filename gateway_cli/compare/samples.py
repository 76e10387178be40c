"""Requests for read-only methods, from the ids and names in earlier answers.

The schema's types and names tell what a field needs; nothing here is specific to OpenCue.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from gateway.core.codec.fields import has_text, is_map, is_message, message_of
from gateway_cli.compare.differences import INTEGERS

KEYS = ("id", "name")
COUNTS: Mapping[str, int] = {"limit": 20, "max_results": 20, "page_size": 20, "page": 1}
"""Numbers without which a method may return nothing, or everything."""
MOST_NESTED = 8
"""Levels of messages that are searched; a message may contain its own type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    type: str
    keys: Mapping[str, str]
    """The id and the name, if they are known and not empty."""
    around: "Mapping[str, Sample]" = field(default_factory=dict, compare=False)
    """The objects named in the request that found it, by type: the job of a layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A field of a request that names an object."""

    field: FieldDescriptor
    kinds: tuple[str, ...]
    """The types that fit, as full names of messages or as words (`job`)."""
    key: str | None
    """`id` or `name`; None for the whole object."""


Question = tuple[Mapping[str, Any], tuple[Sample, ...]]
"""A request, and the objects named in it."""


class Samples:
    """The objects found so far, a few of each type."""

    def __init__(self, types: Iterable[str], most: int) -> None:
        """Keep up to `most` objects of each of these types (full names)."""
        self.most = most
        self._types = {word_of(name.rpartition(".")[2]): name for name in sorted(types)}
        self._found: dict[str, list[Sample]] = defaultdict(list)
        self._named: dict[str, list[Sample]] = defaultdict(list)
        """Objects with only a name, from a string field named like a type."""

    def harvest(self, descriptor: Descriptor, answer: object, about: Iterable[Sample]) -> None:
        """Keep the objects with an id or a name in an answer to a question about `about`."""
        around: dict[str, Sample] = {}
        for sample in about:
            around |= {**sample.around, sample.type: sample}
        self._look(descriptor, answer, around, MOST_NESTED)

    def _look(
        self, descriptor: Descriptor, value: object, around: Mapping[str, Sample], depth: int
    ) -> None:
        if not isinstance(value, dict) or not depth:
            return
        if identified(descriptor):
            keys = {key: text for key in KEYS if isinstance(text := value.get(key), str) and text}
            if keys:
                sample = Sample(type=descriptor.full_name, keys=keys, around=around)
                self._keep(self._found, sample)
        for each in descriptor.fields:
            if each.type == FieldDescriptor.TYPE_STRING:
                name, kind = value.get(each.json_name), self._types.get(word_of(each.name))
                if kind is not None and name and isinstance(name, str):
                    self._keep(self._named, Sample(type=kind, keys={"name": name}))
            elif is_message(each) and not is_map(each):
                inner = value.get(each.json_name)
                for item in inner[: self.most] if isinstance(inner, list) else (inner,):
                    self._look(message_of(each), item, around, depth - 1)

    def _keep(self, kind: dict[str, list[Sample]], sample: Sample) -> None:
        kept = kind[sample.type]
        if len(kept) < self.most and sample not in kept:
            kept.append(sample)

    def questions(self, method: MethodDescriptor) -> tuple[list[Question], str]:
        """Requests for the method, or the reason why there are none."""
        needed = wants(method, self._types)
        plain = counts(method.input_type, MOST_NESTED)
        if not needed:
            return [(plain, ())], ""
        asked: dict[str, Question] = {}
        for number in range(self.most):
            anchor = self._any(result_kinds(method), None, number)
            body, about = dict(plain), []
            for want in needed:
                sample = self._choose(want, anchor, number)
                if sample is None:
                    kind = want.kinds[0]
                    what = f"the {want.key} of a " if want.key else "a "
                    return [], f"no answer contained {what}{kind}"
                body[want.field.json_name] = (
                    sample.keys[want.key] if want.key else dict(sample.keys)
                )
                about.append(sample)
            asked.setdefault(repr(body), (body, tuple(about)))
        return list(asked.values()), ""

    def _choose(self, want: Want, anchor: Sample | None, number: int) -> Sample | None:
        """An object for a field, if possible one that belongs to the anchor."""
        if anchor is not None:
            for near in (anchor, *anchor.around.values()):
                if is_kind(near.type, want.kinds) and (want.key is None or want.key in near.keys):
                    return near
        return self._any(want.kinds, want.key, number)

    def _any(self, kinds: Iterable[str], key: str | None, number: int) -> Sample | None:
        for found in (self._found, self._named) if key == "name" else (self._found,):
            fitting = [
                sample
                for name, samples in found.items()
                if is_kind(name, kinds)
                for sample in samples
                if key is None or key in sample.keys
            ]
            if fitting:
                return fitting[number % len(fitting)]
        return None


def wants(method: MethodDescriptor, words: Container[str]) -> list[Want]:
    """The fields of a request that name objects.

    These are messages with an id or a name, and strings called `id` or `name` (of the object that
    the method returns, or its interface is for) or like a type: `job`, `job_name`, `job_id`.
    `words` stand for types.
    """
    found: list[Want] = []
    for each in method.input_type.fields:
        if each.is_repeated:
            continue
        if is_message(each):
            if identified(message_of(each)):
                found.append(Want(field=each, kinds=(message_of(each).full_name,), key=None))
        elif each.type == FieldDescriptor.TYPE_STRING:
            word, _, key = each.name.rpartition("_")
            if key in KEYS:
                kinds = (word,) if word else result_kinds(method)
                found.append(Want(field=each, kinds=kinds, key=key))
            elif word_of(each.name) in words:
                found.append(Want(field=each, kinds=(each.name,), key="name"))
    return found


def result_kinds(method: MethodDescriptor) -> tuple[str, ...]:
    """The type of the object in the method's answer, or else the name of its interface."""
    types = [
        message_of(each).full_name
        for each in method.output_type.fields
        if is_message(each) and not each.is_repeated and identified(message_of(each))
    ]
    return tuple(types) or (method.containing_service.name.removesuffix("Interface"),)


def identified(descriptor: Descriptor) -> bool:
    """Whether objects of this type have an id or a name."""
    return any(has_text(descriptor, key) for key in KEYS)


def is_kind(type_name: str, kinds: Iterable[str]) -> bool:
    return any(
        type_name == kind or word_of(type_name.rpartition(".")[2]) == word_of(kind)
        for kind in kinds
    )


def word_of(name: str) -> str:
    """`RenderPartition` and `render_partition` as `renderpartition`."""
    return name.replace("_", "").lower()


def counts(descriptor: Descriptor, depth: int) -> dict[str, Any]:
    """The COUNTS that a request, and the criteria in it, have fields for."""
    found: dict[str, Any] = {}
    for each in descriptor.fields:
        if each.is_repeated:
            continue
        if is_message(each):
            criteria = depth and not identified(message_of(each))
            found[each.json_name] = counts(message_of(each), depth - 1) if criteria else {}
        elif each.cpp_type in INTEGERS and each.name in COUNTS:
            found[each.json_name] = COUNTS[each.name]
    return {name: value for name, value in found.items() if value}
