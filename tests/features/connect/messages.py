"""A protobuf request and its answer."""

from tests.support.opencue import message_class


def asked(name: str) -> bytes:
    payload: bytes = message_class("show.ShowFindShowRequest")(name=name).SerializeToString()
    return payload


def found(name: str) -> bytes:
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.name = name
    answer.show.default_min_cores = 0.1
    payload: bytes = answer.SerializeToString()
    return payload
