"""Logs of frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import Route

from gateway.core.fair_quota import FairQuota
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.routing import PAGE_VERBS
from gateway.core.profile.draft import Draft
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.model import Settings, Strict
from gateway.feature import Feature
from gateway.features.logs.check import check_logs
from gateway.features.logs.compile import FrameLogs, compile_logs
from gateway.features.logs.frames import NOT_FOUND_HOW
from gateway.features.logs.limits import LogLimits
from gateway.features.logs.page import FOLDER, READ, LogPage
from gateway.features.logs.profile import LogTables
from gateway.features.logs.roots import root_of
from gateway.features.logs.settings import LogSettings

LOG_LIMITS = LogLimits()


class Logs(Feature):
    name = "logs"
    tables = LogTables
    document = "openapi.yaml"
    reads = (READ,)
    facts: ClassVar[Mapping[str, object]] = {"log_roots": []}
    headers = HeaderNames(
        read=("If-Modified-Since", "If-None-Match", "If-Range", "Last-Event-ID", "Range"),
        sent=("Accept-Ranges", "Content-Range", "ETag", "Last-Modified"),
    )
    refusals: ClassVar[Mapping[str, str]] = {"logs": "Too many logs are being read, or followed"}

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return LogSettings

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        await check_logs(settings, found)

    @classmethod
    def check_catalog(
        cls, settings: Settings, composition: Composition, catalog: Catalog, found: Findings
    ) -> None:
        if settings.section(LogSettings).log_roots and FrameLogs not in catalog.aspects:
            found.warnings.append(f"LOG_ROOTS: {NOT_FOUND_HOW}")

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_logs(draft)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._roots = [root_of(each) for each in gateway.settings.section(LogSettings).log_roots]
        self._limits = LOG_LIMITS
        self.readers = FairQuota(self._limits.readers, gateway.weight)
        self.followers = FairQuota(self._limits.followers, gateway.weight)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        return {("log_followers",): self.followers.taken}

    def routes(self) -> Iterable[Route]:
        page = LogPage(
            self.gateway,
            self._roots,
            readers=self.readers,
            followers=self.followers,
            limits=self._limits,
        )
        return (Route(FOLDER + "{path:path}", page, methods=PAGE_VERBS),)
