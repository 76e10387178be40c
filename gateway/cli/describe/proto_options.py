"""The options of a declaration as proto text."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

INTERNAL = ("map_entry", "uninterpreted_option")
"""Options that only protoc itself sets."""


def option_texts(options: Any, pool: DescriptorPool) -> list[str]:
    """One text (`deprecated = true`) for each option that is set.

    The pool knows the options that the schema's own files define.
    """
    if not options.ByteSize():
        return []
    known = GetMessageClass(pool.FindMessageTypeByName(options.DESCRIPTOR.full_name))
    return list(assignments(known.FromString(options.SerializeToString())))


def assignments(options: Any, *, dotted: bool = False) -> Iterator[str]:
    """`name = value` for each field that is set; `name.inner = value` if `dotted`."""
    for field, value in options.ListFields():
        if field.name in INTERNAL and not field.is_extension:
            continue
        name = f"({field.full_name})" if field.is_extension else field.name
        for each in value if field.is_repeated else [value]:
            if field.message_type and (dotted or name == "features"):
                inner = assignments(each, dotted=True)
                yield from (f"{name}.{assignment}" for assignment in inner)
            else:
                text = StringIO()
                text_format.PrintFieldValue(field, each, text, as_utf8=True, as_one_line=True)
                yield f"{name} = {text.getvalue().strip()}"
