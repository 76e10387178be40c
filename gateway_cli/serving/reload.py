"""The reload on SIGHUP."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Commit, Reloadable, Settings

log = structlog.stdlib.get_logger("gateway")

PREPARING_TIMEOUT_SECONDS = 10.0
"""How long a part may take to read its files: a disk may hang."""


class Reload:
    """Called on SIGHUP. Each part takes its new values, or keeps all of its old ones."""

    def __init__(
        self,
        settings: Settings,
        parts: Iterable[Reloadable],
        load: Callable[[], Settings],
        after: Callable[[], object],
    ) -> None:
        """`load` reads the settings again, or raises ConfigurationError. `after` ends a reload."""
        self._started_with = settings
        self._latest = settings
        self._parts = tuple(parts)
        self._load = load
        self._after = after
        self._preparing: dict[str, asyncio.Task[Commit]] = {}
        """Tasks by the name of the part."""
        self._running = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> None:
        log.info("SIGHUP: reloading")
        task = asyncio.create_task(self._run_and_say())
        self._tasks.add(task)  # the loop does not keep it alive
        task.add_done_callback(self._tasks.discard)

    async def _run_and_say(self) -> None:
        await self.run()
        log.info("SIGHUP: reloaded")

    async def run(self) -> None:
        async with self._running:
            try:
                self._latest = await asyncio.to_thread(self._load)
            except ConfigurationError as error:
                for problem in error.problems:
                    log.error("reload: the settings stay as they were", problem=problem)
            await asyncio.gather(*(self._follow(part, self._latest) for part in self._parts))
            self._tell_of_restart()
            self._after()

    async def _follow(self, part: Reloadable, settings: Settings) -> None:
        try:
            commit = await self._prepared(part, settings)
            commit()
        except TimeoutError:
            problem = f"their files cannot be read within {PREPARING_TIMEOUT_SECONDS:g} s"
            log.error(f"reload: {part.name} stay as they were", problem=problem)
        except ConfigurationError as error:
            for each in error.problems:
                log.error(f"reload: {part.name} stay as they were", problem=each)
        except Exception:  # the other parts still follow
            log.exception(f"reload: {part.name} stay as they were, and the gateway is to blame")

    async def _prepared(self, part: Reloadable, settings: Settings) -> Commit:
        """The commit of a part. Raises its errors, and TimeoutError while its disk hangs."""
        before = self._preparing.get(part.name)
        if before is not None and not before.done():
            raise TimeoutError
        preparing = asyncio.create_task(asyncio.to_thread(part.prepare, settings))
        self._preparing[part.name] = preparing
        await asyncio.wait([preparing], timeout=PREPARING_TIMEOUT_SECONDS)
        if not preparing.done():
            raise TimeoutError
        return preparing.result()

    def _tell_of_restart(self) -> None:
        """Log the changed settings that need a restart."""
        changed = [
            name.upper()
            for name in type(self._latest).model_fields
            if getattr(self._latest, name) != getattr(self._started_with, name)
            and not any(part.follows(name) for part in self._parts)
        ]
        if changed:
            log.warning("reload: a restart is needed for what has changed", settings=changed)
