"""The place of the caller's name in a method's requests."""

from dataclasses import dataclass

from gateway.core.codec.rewrite import BodyPath
from gateway.core.schema.method import Aspect


@dataclass(frozen=True, slots=True)
class CallerField(Aspect):
    place: BodyPath | None = None
    element: str = ""
    """If the field has XML: the name of its elements with the caller."""
