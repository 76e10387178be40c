"""Messages of the schema, made and filled without generated code."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.schema.description import Schema, build_pool


class Messages:
    """The message classes of one schema, in a pool of their own."""

    def __init__(self, schema: Schema) -> None:
        self.pool: DescriptorPool = build_pool(schema.files)[0]
        self.services = schema.services
        self._kinds: dict[str, Any] = {}

    def new(self, name: str, /, **values: Any) -> Any:
        """A message by its full name (`job.Job`), filled as `fill` does."""
        kind = self._kinds.get(name)
        if kind is None:
            kind = GetMessageClass(self.pool.FindMessageTypeByName(name))
            self._kinds[name] = kind
        try:
            return kind(**values)
        except ValueError:  # this version lacks one of the fields or enum values
            message = kind()
            fill(message, **values)
            return message


def read_messages() -> Messages:
    """OpenCue's messages, from opencue-proto. Raises as `read_package` does without it."""
    return Messages(read_package(OPENCUE_PACKAGE))


def fill(message: Any, /, **values: Any) -> None:
    """Set fields by name: enums by the name of their value, lists and messages whole.

    Fields and enum values that this version of the protos lacks are left out.
    """
    for name, value in values.items():
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is not None:
            set_field(message, field, value)


def refill(message: Any, values: Mapping[str, int | float]) -> None:
    """Replace all fields of a message of numbers, faster than `fill`."""
    known = message.DESCRIPTOR.fields_by_name
    kept = {name: value for name, value in values.items() if value and name in known}
    message.CopyFrom(type(message)(**kept))


def set_field(message: Any, field: Any, value: Any) -> None:
    if isinstance(value, list):
        message.ClearField(field.name)
        getattr(message, field.name).extend(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
    elif isinstance(value, str) and field.enum_type is not None:
        if known := field.enum_type.values_by_name.get(value):
            setattr(message, field.name, known.number)
    else:
        setattr(message, field.name, value)


def enum_name(message: Any, name: str) -> str:
    """The name of an enum field's value, or its number as text if the schema has no name."""
    field, number = message.DESCRIPTOR.fields_by_name[name], getattr(message, name)
    known = field.enum_type.values_by_number.get(number)
    return known.name if known else str(number)


def given(message: Any, path: str, default: Any) -> Any:
    """The value at `path` (`r.states.state`), or the default if this version lacks the field."""
    for name in path.split("."):
        message = getattr(message, name, None)
        if message is None:
            return default
    return message
