"""Reflection of a Cuebot with several endpoints, which need not have the same schema."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from gateway.discovery.reflection import ReflectionSource
from gateway.discovery.source import DescriptorSource, NoReflection, NotReady
from gateway.schema.description import OtherSchema, Schema
from gateway.upstream.open import Cuebot

log = structlog.stdlib.get_logger("gateway.schema")

OTHERS_TIMEOUT = 2.0
"""Seconds that the other endpoints have once one has answered."""


def reflection_of(cuebot: Cuebot, timeout: float = 10.0) -> DescriptorSource:
    """The source that asks each endpoint of Cuebot."""
    sources = {
        each.endpoint: ReflectionSource(each, endpoint=each.endpoint, timeout=timeout)
        for each in cuebot.endpoints
    }
    if len(sources) == 1:
        return next(iter(sources.values()))
    return EndpointsSource(sources)


class EndpointsSource:
    """A `DescriptorSource` over those of the endpoints (by name, in the order of preference).

    The schema is that of the first that answers. An endpoint that cannot be asked is taken to have
    the schema that it had when it last answered; one that never has, to have the same as the first.
    """

    def __init__(self, sources: Mapping[str, DescriptorSource]) -> None:
        self._sources = sources
        self._digests: dict[str, str] = {}
        """The schema that each endpoint had when it last answered."""
        self._told: dict[str, str] = {}
        """Why an endpoint cannot be asked, as the log has it."""

    async def fetch(self) -> Schema:
        """The schema of the first endpoint that answers, and which endpoints have others.

        Raises, when none of them answers, NotReady if one may do so later, else NoReflection.
        """
        answers = await self._ask()
        described = {name: each for name, each in answers.items() if isinstance(each, Schema)}
        if not described:
            raise why_not(answers.values(), described=bool(self._digests))
        for name, answer in answers.items():
            if isinstance(answer, NoReflection):
                self._digests.pop(name, None)
        self._digests |= await asyncio.to_thread(  # digests take some time
            lambda: {name: schema.digest for name, schema in described.items()}
        )
        self._tell(answers)
        answered = Schema, NoReflection
        return compared(
            next(iter(described.values())),
            {name: self._digests.get(name) for name in self._sources},
            unasked=[name for name, each in answers.items() if not isinstance(each, answered)],
        )

    def _tell(self, answers: Mapping[str, Schema | Exception]) -> None:
        """Log why an endpoint does not describe itself, when that is news."""
        reasons = {name: str(each) for name, each in answers.items() if isinstance(each, Exception)}
        for name, reason in reasons.items():
            if self._told.get(name) != reason:
                log.warning("an endpoint is not compared", endpoint=name, reason=reason)
        self._told = reasons

    async def _ask(self) -> dict[str, Schema | Exception]:
        """What each endpoint answers, or why it does not, in the order of the endpoints.

        Once one has answered, the others have OTHERS_TIMEOUT.
        """
        tasks = {name: asyncio.create_task(each.fetch()) for name, each in self._sources.items()}
        try:
            waiting = set(tasks.values())
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if waiting and any(task.exception() is None for task in done):
                    _, waiting = await asyncio.wait(waiting, timeout=OTHERS_TIMEOUT)
                    break
            return {name: outcome(task) for name, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)


def outcome(task: "asyncio.Task[Schema]") -> Schema | Exception:
    """What came of asking one endpoint."""
    if not task.done():
        return NotReady(f"no answer within {OTHERS_TIMEOUT:g} s of another one's")
    error = task.exception()
    if error is None:
        return task.result()
    return error if isinstance(error, Exception) else NotReady(str(error))


def why_not(failures: Iterable[Schema | Exception], *, described: bool) -> Exception:
    """One exception for those of all endpoints.

    It is a refusal if there is one, unless there was a schema before (`described`) and an endpoint
    that may have it is away.
    """
    errors = [each for each in failures if isinstance(each, Exception)]
    refusals = [each for each in errors if isinstance(each, NoReflection)]
    away = [each for each in errors if isinstance(each, NotReady)]
    if refusals and not (away and described):
        return refusals[0]
    if away:
        return NotReady("; ".join(dict.fromkeys(map(str, away))))
    return errors[0]


def compared(first: Schema, digests: Mapping[str, str | None], *, unasked: Iterable[str]) -> Schema:
    """The first schema, with its origin, and with which endpoints have others or were not reached.

    `digests` are those of the endpoints; None is taken to be that of the first. The origin names
    all endpoints that have this schema, so that it is the same whichever of them answers first.
    """
    having: dict[str, list[str]] = {first.digest: []}
    for name, digest in digests.items():
        having.setdefault(digest or first.digest, []).append(name)
    same = having.pop(first.digest)
    return replace(
        first,
        origin=f"reflection of {', '.join(same)}",
        others=tuple(
            OtherSchema(digest=digest, endpoints=tuple(names)) for digest, names in having.items()
        ),
        unasked=tuple(unasked),
    )
