"""What features say of a method in the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    sentences: tuple[str, ...] = ()
    """In Markdown, about requests and answers."""
    extensions: Mapping[str, object] = field(default_factory=dict)
    """More of the operation, by names that begin with `x-`."""
    fields: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """More of the schemas of fields in answers, by the full name of the field."""


NOTHING = Description()
