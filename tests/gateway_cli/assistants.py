"""An assistant's tools, asked by the client of the protocol's own SDK."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import mcp_types as types
import orjson
from mcp.client.client import Client

from cuectl.session import Session
from gateway_cli.assistant.farm import Farm, client_of
from gateway_cli.assistant.server import server_of
from tests.support.servers import token

MARKED = re.compile(r"(.*?)\n?<farm-data ([0-9a-f]{8})>\n(.*)\n</farm-data \2>\n?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Told:
    """What a tool has answered."""

    text: str
    failed: bool

    @property
    def head(self) -> str:
        """What stands before the data, or all without any."""
        found = MARKED.fullmatch(self.text)
        return self.text if found is None else found[1]

    @property
    def data(self) -> str:
        """What stands between the marks, which end the answer."""
        found = MARKED.fullmatch(self.text)
        assert found is not None, self.text
        assert found[4] == ""
        return found[3]

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)


@dataclass(frozen=True)
class Assistant:
    client: Client
    farm: Farm

    async def __call__(self, tool: str, **arguments: Any) -> Told:
        answer = await self.client.call_tool(tool, arguments)
        return told(answer)

    async def refused(self, tool: str, **arguments: Any) -> Told:
        """The answer of a tool that has failed."""
        answer = await self(tool, **arguments)
        assert answer.failed, answer.text
        return answer

    async def tools(self) -> dict[str, types.Tool]:
        return {each.name: each for each in (await self.client.list_tools()).tools}


def told(answer: Any) -> Told:
    assert isinstance(answer, types.CallToolResult)
    (content,) = answer.content
    assert isinstance(content, types.TextContent)
    assert answer.structured_content is None
    return Told(content.text, answer.is_error)


@asynccontextmanager
async def assistant(
    url: str, credential: str | None = None, *, read_only: bool = False, timeout: float = 30.0
) -> AsyncIterator[Assistant]:
    """An assistant with the tools of a gateway. Without a token, it is lena's."""
    session = Session(url=url, token=token("lena") if credential is None else credential)
    async with of_session(session, timeout=timeout, read_only=read_only) as asked:
        yield asked


@asynccontextmanager
async def assistant_of_context(name: str) -> AsyncIterator[Assistant]:
    async with of_session(Session(name)) as asked:
        yield asked


@asynccontextmanager
async def of_session(
    session: Session, *, timeout: float = 30.0, read_only: bool = False
) -> AsyncIterator[Assistant]:
    async with client_of(session, timeout) as client:
        farm = Farm(session, client)
        async with Client(server_of(farm, read_only=read_only)) as asked:
            yield Assistant(asked, farm)
