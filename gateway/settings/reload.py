"""SIGHUP: what can change without a restart, and what becomes of a new value that is broken."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from gateway.access.limits import Rates
from gateway.access.tokens import Authenticator, load_secrets, rules_of
from gateway.compat.profile import load_profile
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import ConfigurationError
from gateway.schema.selection import selection_of
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway")

Commit = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that follows the settings while it is used."""

    name: str
    settings: tuple[str, ...]
    """The names of the settings that it follows, or how they begin, with a `*`."""
    prepare: Callable[[Settings], Commit]
    """Reads and checks everything, in a thread; what it gives back cannot fail.

    Raises ConfigurationError.
    """

    def follows(self, name: str) -> bool:
        """Whether a change of this setting is seen here."""
        return any(
            name == each or (each.endswith("*") and name.startswith(each[:-1]))
            for each in self.settings
        )


class Reload:
    """To be called on SIGHUP. Each part takes its new values, or keeps all of its old ones."""

    def __init__(
        self,
        settings: Settings,
        parts: Iterable[Part],
        load: Callable[[], Settings],
        live: LiveCatalog,
    ) -> None:
        """`load` reads the settings again; it raises ConfigurationError."""
        self._started_with = settings
        self._latest = settings
        self._parts = tuple(parts)
        self._load = load
        self._live = live
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> None:
        log.info("SIGHUP: reloading")
        task = asyncio.create_task(self._run_and_say())
        self._tasks.add(task)  # the loop itself does not keep it alive
        task.add_done_callback(self._tasks.discard)

    async def _run_and_say(self) -> None:
        await self.run()
        log.info("SIGHUP: reloaded")

    async def run(self) -> None:
        """Reload everything, and look for another schema."""
        async with self._turn:
            try:
                self._latest = await asyncio.to_thread(self._load)
            except ConfigurationError as error:
                for problem in error.problems:
                    log.error("reload: the settings stay as they were", problem=problem)
            for part in self._parts:
                await self._follow(part, self._latest)
            self._tell_of_restart()
            self._live.look_again()

    async def _follow(self, part: Part, settings: Settings) -> None:
        try:
            commit = await asyncio.to_thread(part.prepare, settings)
        except ConfigurationError as error:
            log.error(f"reload: {part.name} stay as they were", problem=str(error))
        except Exception:  # or the parts after this one would not follow
            log.exception(f"reload: {part.name} stay as they were, and the gateway is to blame")
        else:
            commit()

    def _tell_of_restart(self) -> None:
        """Name the settings that are others now and that nothing here follows."""
        changed = [
            name.upper()
            for name in type(self._latest).model_fields
            if getattr(self._latest, name) != getattr(self._started_with, name)
            and not any(part.follows(name) for part in self._parts)
        ]
        if changed:
            log.warning("reload: a restart is needed for what has changed", settings=changed)


def secrets_part(authenticator: Authenticator) -> Part:
    """The secrets that tokens are signed with, and what else tokens must be."""

    def prepare(settings: Settings) -> Commit:
        secrets, rules = load_secrets(settings), rules_of(settings)
        return lambda: authenticator.trust(secrets, rules)

    return Part("the secrets", ("jwt_*",), prepare)


def limits_part(rates: Rates) -> Part:
    """The rates of clients. Those who are over their limit stay so."""
    return Part(
        "the rate limits", ("rate_limit_*",), lambda settings: lambda: rates.follow(settings)
    )


def catalog_part(live: LiveCatalog) -> Part:
    """What is made of the schema. The next look at it, which always follows, makes it so."""

    def prepare(settings: Settings) -> Commit:
        selection, profile = selection_of(settings), load_profile(settings.compat_profile)
        return lambda: live.use(selection, profile)

    names = ("compat_profile", "include_services", "exclude_services")
    return Part("the profile and the selection of services", names, prepare)


def log_level_part() -> Part:
    """How much is logged."""

    def prepare(settings: Settings) -> Commit:
        return lambda: logging.getLogger().setLevel(settings.log_level.upper())

    return Part("the log level", ("log_level",), prepare)
