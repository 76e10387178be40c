"""Reading from a connection no faster than its requests are answered."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class Pacing(FlowControl):
    """uvicorn's flow control, which reads on only when no request waits for its turn.

    uvicorn resumes reading whenever an app asks for a body, and then parses, and keeps, whatever
    number of pipelined requests comes.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if self.read_paused and not self._waiting:
            super().resume_reading()
