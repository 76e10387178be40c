"""Logs of frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import Route

from gateway.core.gateway import Gateway
from gateway.core.pipeline.routing import PAGE_VERBS
from gateway.core.profile.draft import Draft
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.logs.compile import compile_logs
from gateway.features.logs.page import FOLDER, READ, LogPage
from gateway.features.logs.profile import LogTables
from gateway.features.logs.roots import root_of
from gateway.features.logs.settings import LogSettings
from gateway.features.logs.threads import Threads

THREADS = 8
"""That read logs for a single principal; for all, a quarter more."""
MOST_WAITING = 1000
"""Pieces of logs that wait for a thread."""


class Logs(Feature):
    name = "logs"
    tables = LogTables
    document = "openapi.yaml"
    reads = (READ,)
    refusals: ClassVar[Mapping[str, str]] = {"logs": "Too many logs are being read"}

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return LogSettings

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_logs(draft)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._roots = [root_of(each) for each in gateway.settings.section(LogSettings).log_roots]

    def routes(self) -> Iterable[Route]:
        gateway, seconds = self.gateway, self.gateway.settings.http_timeout
        threads = Threads(THREADS, MOST_WAITING, gateway.weight, seconds)
        page = LogPage(gateway, self._roots, threads, seconds)
        return (Route(FOLDER + "{path:path}", page, methods=PAGE_VERBS),)
