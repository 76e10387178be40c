"""What methods do, in a line each, and what fields mean: by the profile, or by their comments."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.profile.profile import Summaries
from gateway.core.profile.schema_paths import field_at
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import first_sentence
from gateway.core.schema.method import Method


def with_summaries(
    summaries: Summaries, served: Mapping[str, Method], comments: Mapping[str, str]
) -> dict[str, Method]:
    """Without an entry, a method's line is the first sentence of its comment."""
    found = {}
    for name, each in served.items():
        line = summaries.methods.get(each.service, {}).get(each.descriptor.name)
        comment = comments.get(each.descriptor.full_name, "")
        found[name] = replace(each, summary=line or first_sentence(comment))
    return found


@dataclass(frozen=True, slots=True)
class FieldNotes:
    """An aspect of the whole catalog: what the profile says of fields, by full name. Their own
    comments follow it.
    """

    texts: Mapping[str, str]

    @staticmethod
    def of(catalog: Catalog) -> "FieldNotes":
        found: FieldNotes = catalog.aspects[FieldNotes]
        return found


def field_notes(
    summaries: Summaries, pool: DescriptorPool, comments: Mapping[str, str]
) -> FieldNotes:
    texts = {}
    for message, fields in summaries.fields.items():
        for name, text in fields.items():
            if found := full_name_of(message, name, pool):
                comment = comments.get(found)
                texts[found] = f"{text}\n\n{comment}" if comment else text
    return FieldNotes(texts)


def unused_summaries(
    summaries: Summaries, native: Container[str], pool: DescriptorPool
) -> Iterator[str]:
    """The entries for methods (`native` are all of Cuebot's) and fields that are not there."""
    for service, lines in summaries.methods.items():
        yield from (path for name in lines if (path := f"{service}/{name}") not in native)
    for message, fields in summaries.fields.items():
        for name in fields:
            if not full_name_of(message, name, pool):
                yield f"{message}.{name}"


def full_name_of(message: str, field: str, pool: DescriptorPool) -> str:
    """`job.Job.log_dir` for the field `logDir` of `job.Job`; empty if there is none."""
    try:
        found = field_at(pool.FindMessageTypeByName(message), (field,))
    except KeyError:
        return ""
    return "" if found is None else str(found.full_name)
