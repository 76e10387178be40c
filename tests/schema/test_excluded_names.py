"""The paths of a service that is excluded are nobody else's."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.support.servers import ScriptedCuebot, running_cuebot, running_gateway, settings_for

pytestmark = pytest.mark.anyio


def interface(package: str) -> FileDescriptorProto:
    """A file with a service `FrameInterface` of this package, whose one method is X."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name="FrameInterface").method.add(name="X")
    method.input_type = method.output_type = f".{package}.M"
    return file


async def test_an_excluded_service_does_not_leave_its_name_to_another() -> None:
    """A path that is the own name of an excluded service never becomes an alias of another."""
    cuebot = ScriptedCuebot((interface("job"), interface("frame")))
    cuebot.answers("/job.FrameInterface/X", b"")
    cuebot.answers("/frame.FrameInterface/X", b"")
    async with running_cuebot(cuebot):
        settings = settings_for(cuebot.endpoint, exclude_services="frame.FrameInterface")
        async with running_gateway(settings) as gateway:
            excluded = await gateway.post("/frame.FrameInterface/X", {})
            assert cuebot.seen == []
            served = await gateway.post("/job.FrameInterface/X", {})
    assert (excluded.status_code, excluded.json()["code"]) == (404, 5)
    assert served.status_code == 200
