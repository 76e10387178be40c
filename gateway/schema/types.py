"""Message types, and those that they are made of."""

from collections.abc import Iterable

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from gateway.codec.fields import is_message, message_of


def reachable(roots: Iterable[Descriptor]) -> dict[str, Descriptor]:
    """These message types and all that occur in them at any depth, by full name.

    The types behind maps are among them.
    """
    found: dict[str, Descriptor] = {}
    waiting = list(roots)
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            waiting += [message_of(field) for field in descriptor.fields if is_message(field)]
    return found


def returned_types(methods: Iterable[MethodDescriptor]) -> frozenset[str]:
    """The full names of all message types that occur in answers."""
    return frozenset(reachable(method.output_type for method in methods))
