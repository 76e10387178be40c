"""Logs of frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import structlog
from starlette.routing import Route

from gateway.core.fair_quota import FairQuota, reserve_of
from gateway.core.families import gauge
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
from gateway.features.logs.denied import add_path
from gateway.features.logs.frames import NOT_FOUND_HOW
from gateway.features.logs.limits import LogLimits
from gateway.features.logs.open_files import room_for
from gateway.features.logs.page import FOLDER, READ, LogPage
from gateway.features.logs.profile import LogTables
from gateway.features.logs.roots import root_of
from gateway.features.logs.settings import LogSettings

LOG_LIMITS = LogLimits()

log = structlog.stdlib.get_logger("gateway.logs")


class Logs(Feature):
    name = "logs"
    tables = LogTables
    openapi = "openapi.yaml"
    reads = (READ,)
    families = (gauge("log_followers", "Logs of frames that are being followed."),)
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
        gateway.log_fields.denied.append(add_path)
        self._roots = [root_of(each) for each in gateway.settings.section(LogSettings).log_roots]
        self._limits = LOG_LIMITS
        self.readers = FairQuota(self._limits.readers, gateway.weight)
        self.followers = FairQuota(self._limits.followers, gateway.weight)

    async def first_look(self) -> None:
        """Without room for as many open files as logs may need, fewer of them are read at once:
        connections, and Cuebot, must not be left without.
        """
        if not self._roots:
            return
        limits, connections = self._limits, self.gateway.settings.max_connections
        wanted = limits.readers + limits.followers
        wanted += reserve_of(limits.readers) + reserve_of(limits.followers)
        room = room_for(wanted, connections)
        if room < wanted:
            self.readers.resize(max(limits.readers * room // wanted, 1))
            self.followers.resize(max(limits.followers * room // wanted, 1))
            log.warning(
                "logs and MAX_CONNECTIONS do not fit into the limit on open files; raise that"
                " (ulimit -n)",
                readers=self.readers.total,
                followers=self.followers.total,
            )

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
