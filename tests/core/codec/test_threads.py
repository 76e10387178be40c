"""Codecs are compiled when they are first used, by whichever thread that is.

The classes of messages are there before: protobuf creates one for each thread that asks at once,
and a process crashes when one of them is freed.
"""

import gc
import sys
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.body import ROOT
from gateway.core.codec.decode import Decoders
from gateway.core.codec.encode import Encoders
from gateway.core.schema.description import assumed_schema, build_pool, message_classes
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE


@contextmanager
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_codecs_can_be_compiled_by_several_threads_at_once() -> None:
    file = FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    names = [f"M{number}" for number in range(6)]
    for name in names:
        message = file.message_type.add(name=name)
        for number, other in enumerate(names, 1):
            field = message.field.add(name=f"f{number}", number=number, type=11, label=1)
            field.type_name = f".t.{other}"
    threads = 4
    with hasty_threads(), ThreadPoolExecutor(threads) as executor:
        for _ in range(30):
            pool, _ = build_pool([file])
            classes = message_classes(pool, [file.name])
            decoders, encoders = Decoders(pool), Encoders(pool, classes=classes)
            types = [pool.FindMessageTypeByName(f"t.{name}") for name in names]
            barrier = Barrier(threads)

            def use(shift: int) -> None:
                barrier.wait(PATIENCE)  # noqa: B023 - done before the next round
                for descriptor in types[shift:] + types[:shift]:  # noqa: B023
                    message = GetMessageClass(descriptor)()
                    read = decoders.reader(descriptor)  # noqa: B023
                    read({"f1": {"f2": {"f1": {}}}}, message, ROOT, [])
                    assert encoders.to_json(descriptor)(message) is not None  # noqa: B023

            for done in [executor.submit(use, shift) for shift in range(threads)]:
                done.result(PATIENCE)


@pytest.mark.parametrize("name", ["job.JobGetJobsResponse", "job.JobSearchCriteria", "job.Job"])
def test_classes_of_messages_are_there_before_they_are_used(name: str) -> None:
    catalog = build_catalog(assumed_schema(opencue().files, "a test"), Selection())
    descriptor = catalog.methods[0].encoders.pool.FindMessageTypeByName(name)
    before = weakref.ref(GetMessageClass(descriptor))
    del descriptor
    gc.collect()
    assert before() is not None
    assert catalog.methods
