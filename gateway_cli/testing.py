"""For the tests of a studio's own features: a gateway, in front of a Cuebot that a test scripts."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import httpx
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from gateway.app import create_app
from gateway.core.principal import Signer
from gateway.features.settings import Settings, there
from gateway_cli.tokens import signer_of

SECRET = "a secret of tests, with more than 32 bytes"  # noqa: S105 - nobody else listens to it
SOURCE = "package:opencue_proto"
START_SECONDS = 30.0
TOKEN_SECONDS = 3600


class Scripted(grpc.GenericRpcHandler):
    """Answers by the path of the method; others are UNIMPLEMENTED."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        answer = self.answers.get(details.method)
        if answer is None:
            return None

        async def handle(request: bytes, context: object) -> bytes:
            return answer

        return grpc.unary_unary_rpc_method_handler(handle)


@asynccontextmanager
async def gateway_with(
    answers: Mapping[str, Mapping[str, object]], **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with all installed features, with a token for `tester`.

    `answers` are those of Cuebot, in JSON by path: `{"/show.ShowInterface/GetShows": {"shows":
    {"shows": [{"name": "demo"}]}}}`. `settings` by their names in the file. The schema is that of
    the package opencue-proto. Raises ConfigurationError.
    """
    cuebot, scripted = grpc.aio.server(), Scripted()
    cuebot.add_generic_rpc_handlers((scripted,))
    port = cuebot.add_insecure_port("127.0.0.1:0")
    await cuebot.start()
    try:
        given: dict[str, object] = {
            "cuebot_endpoint": f"127.0.0.1:{port}",
            "descriptor_source": SOURCE,
            **there({"jwt_secret": SECRET, "rate_limit_rps": 0}),
        }
        known = Settings.model_validate(given | settings)
        app, sign = create_app(known), signer_of(known)
        async with app.router.lifespan_context(app):
            async with asyncio.timeout(START_SECONDS):
                catalog = await app.parts.live.wait()
            for path, answer in answers.items():
                method = catalog.routes[path]
                message = GetMessageClass(method.descriptor.output_type)()
                ParseDict(dict(answer), message)
                scripted.answers[method.path] = message.SerializeToString()
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://gateway",
                headers={} if sign is None else bearer(sign),
            ) as client:
                yield client
    finally:
        await cuebot.stop(None)


def bearer(sign: Signer) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign('tester', TOKEN_SECONDS)}"}
