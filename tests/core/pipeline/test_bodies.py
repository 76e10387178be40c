"""What is known of a body that has been read, and the room that a large one takes."""

import pytest
from starlette.types import Message

from gateway.core.direct_connection import LARGE_BODY_BYTES
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.body import BodyReader
from gateway.core.pipeline.content_coding import NO_CODINGS
from gateway.core.pipeline.interceptors import Interceptors
from tests.support.contexts import context_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("early", [False, True])
async def test_room_is_given_back_once(early: bool) -> None:
    """At the end of the request, or before, as an error answer does."""
    parts, room = [bytes(LARGE_BODY_BYTES), bytes(1000)], FairQuota(2**20)
    reader = BodyReader(max_body=2**20, timeout=1, room=room, codings=NO_CODINGS)
    context, other = context_of("/a.B/C"), context_of("/a.B/C")

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    body = await reader.read(context, receive)
    assert (context.body.size, context.body.is_over, room.taken) == (len(body), True, len(body))
    assert other.body.room is None, "it is another request's"
    if early:
        context.give_back_body_room()
        assert room.taken == 0
    Interceptors().end(context)
    assert room.taken == 0
