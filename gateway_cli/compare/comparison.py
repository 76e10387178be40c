"""The same requests to two gateways: every method that only reads, a few at a time.

A farm changes meanwhile. So this gateway is asked before and after the other one, what changed in
between does not count, and a difference has to show repeatedly.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field

import orjson

from gateway.core.calls.steps import Rewrites
from gateway.core.codec.fields import returned_types
from gateway.core.codec.rewrite import Body, Default
from gateway.core.schema.method import Method
from gateway_cli.compare.differences import Difference, Documented, Reply, compare
from gateway_cli.compare.samples import Samples
from gateway_client.errors import CallError
from gateway_client.gateway import GatewayClient

REPETITIONS = 3
"""A difference has to show so many times in a row."""
METHODS_AT_ONCE = 8
MOST_UNANSWERED = 3
"""Unanswered requests in a row after which the comparison stops."""
REFUSED = (401, 403)
TOO_MANY_REQUESTS = 429
MOST_ATTEMPTS = 5
"""Attempts of a request that is answered with 429."""
LONGEST_RETRY_AFTER_SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class Finding(Difference):
    """Differences of one kind at one place (with `[]` for any item of a list), with an example."""

    request: object
    count: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    method: str
    asked: int = 0
    """Requests that were compared."""
    succeeded: int = 0
    """Requests that both gateways answered with 200."""
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)
    """Places that changed during the comparison."""
    failure: str = ""
    """The last error that both gateways agreed on."""
    skipped: str = ""
    """The reason why it was not asked, or not compared."""
    late: bool = False
    """Whether a gateway has not answered in time, which ends the requests."""

    @property
    def verdict(self) -> str:
        """`same`, `differs`, `expected` (differs only as expected) or `skipped`."""
        if any(not finding.expected for finding in self.findings.values()):
            return "differs"
        if self.findings:
            return "expected"
        return "same" if self.asked else "skipped"

    def add(self, difference: Difference, request: object) -> None:
        """Count a difference; the first of its kind at a place becomes the example."""
        key = difference.kind, any_item(difference.path)
        if key not in self.findings:
            example = asdict(difference) | {"path": key[1]}
            self.findings[key] = Finding(**example, request=request)
        self.findings[key].count += 1


@dataclass(slots=True, kw_only=True)
class Outcome:
    results: list[Result]
    stopped: str = ""
    """The reason why the comparison is incomplete."""

    def count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)

    @property
    def problem(self) -> str:
        """The reason why nothing can be concluded; empty if something can."""
        if self.stopped:
            return self.stopped
        if not any(result.succeeded for result in self.results):
            return "no call succeeded on both gateways, so nothing was compared"
        return ""

    @property
    def same(self) -> bool:
        """Whether the gateways differ only as expected."""
        return not self.problem and not self.count("differs")


def any_item(path: str) -> str:
    """`jobs.jobs[3].name` as `jobs.jobs[].name`."""
    return re.sub(r"\[\d+\]", "[]", path)


class Stop(Exception):
    """Further requests are pointless, for the reason in the text."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """`run` asks everything that can be asked within `seconds`."""

    here: "ReadOnlyGateway"
    there: "ReadOnlyGateway"
    methods: Sequence[Method]
    """All methods; only those that read are asked."""
    samples: int
    """The most requests for a method."""
    seconds: float
    documented: Documented
    wanted: Callable[[str], bool]
    """Whether to compare this path. For others, only this gateway is asked, to find ids."""
    told: Callable[[str], object] = lambda text: None
    """Called with the progress: `round 1: 12 of 97 methods`."""
    unanswered: dict[str, int] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    async def run(self) -> Outcome:
        """Ask in rounds, as long as answers have new ids to ask with."""
        methods = [each for each in self.methods if each.reads_only and not each.streams]
        results = {each.path: Result(method=each.path[1:]) for each in methods}
        outcome = Outcome(results=[result for path, result in results.items() if self.wanted(path)])
        types = returned_types(each.descriptor for each in methods)
        try:
            async with asyncio.timeout(self.seconds):
                await self._rounds(methods, results, Samples(types, self.samples))
        except TimeoutError:
            outcome.stopped = f"stopped after {self.seconds:g} s, the time limit"
        except Stop as stop:
            outcome.stopped = str(stop)
        for result in outcome.results:
            if not result.asked and not result.skipped:
                result.skipped = "not reached"
        return outcome

    async def _rounds(
        self, methods: Sequence[Method], results: dict[str, Result], samples: Samples
    ) -> None:
        sent: dict[str, set[bytes]] = {path: set() for path in results}

        async def ask(method: Method) -> bool:
            path = method.path
            return await self._ask_about(method, results[path], sent[path], samples)

        number = 1
        while await self._round(f"round {number}", methods, ask):
            number += 1

    async def _round(
        self, name: str, methods: Sequence[Method], ask: Callable[[Method], Awaitable[bool]]
    ) -> bool:
        """Ask about each method once, a few at a time; whether there was anything to ask."""
        left, done = iter(methods), list[bool]()

        async def work(*, until_heard: bool = False) -> None:
            for method in left:
                done.append(await ask(method))
                self.told(f"{name}: {len(done)} of {len(methods)} methods")
                if until_heard and len(self.heard) == 2:
                    return

        await work(until_heard=True)  # a gateway that refuses the token is asked once
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(METHODS_AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return any(done)

    async def _ask_about(
        self, method: Method, result: Result, sent: set[bytes], samples: Samples
    ) -> bool:
        """Send the requests for a method that have not been `sent`; whether there were any."""
        if result.late:
            return False
        before = len(sent)
        questions, result.skipped = samples.questions(method.descriptor)
        for request, about in questions:
            body = orjson.dumps(request)
            if body not in sent and len(sent) < self.samples and not result.late:
                sent.add(body)
                reply = await self._compare(method, with_defaults(method, body), result)
                if reply.status == 200:
                    samples.harvest(method.descriptor.output_type, reply.object, about)
        return len(sent) > before

    async def _compare(self, method: Method, body: bytes, result: Result) -> Reply:
        """Send a request to both gateways, note differences, and return this gateway's reply."""
        if not self.wanted(method.path):
            only = await self._ask("this gateway", self.here, method, body)
            result.late = only.late
            return only
        seen: list[Difference] | None = None
        for _ in range(REPETITIONS):
            before = await self._ask("this gateway", self.here, method, body)
            there = await self._ask("the other gateway", self.there, method, body)
            result.late = before.late or there.late
            if before.late and there.late:
                result.skipped = "neither gateway answered in time"
                return before
            found = list(compare(method, before, there, self.documented))
            if any(not each.expected for each in found):
                after = await self._ask("this gateway", self.here, method, body)
                moved = {each.path for each in compare(method, before, after, {})}
                result.moving |= set(map(any_item, moved))
                found = [each for each in found if not is_within(each.path, moved)]
            known = {(each.kind, each.path) for each in found}
            seen = found if seen is None else [e for e in seen if (e.kind, e.path) in known]
            if all(each.expected for each in seen):
                break
        result.asked += 1
        if before.status == there.status == 200:
            result.succeeded += 1
        elif before.status == there.status:
            result.failure = before.summary
        for each in seen or ():
            result.add(each, orjson.loads(body))
        return before

    async def _ask(
        self, name: str, gateway: "ReadOnlyGateway", method: Method, body: bytes
    ) -> Reply:
        reply = await gateway.ask(method, body)
        if reply.late and name in self.heard:  # the method is slow, not the gateway
            return reply
        if reply.status is None:
            self.unanswered[name] = self.unanswered.get(name, 0) + 1
            if self.unanswered[name] == MOST_UNANSWERED:
                raise Stop(f"{name} left {MOST_UNANSWERED} requests unanswered: {reply.problem}")
            return reply
        self.unanswered[name] = 0
        if name not in self.heard and reply.status in REFUSED:
            raise Stop(f"{name} refused the token: {reply.text}")
        self.heard.add(name)
        return reply


def is_within(path: str, places: Collection[str]) -> bool:
    """Whether the path is one of the places, or inside one."""
    return any(
        not place or path == place or path.startswith((f"{place}.", f"{place}["))
        for place in places
    )


def with_defaults(method: Method, content: bytes) -> bytes:
    """A request with the profile's defaults, which this gateway adds and the other one needs."""
    defaults = [each for each in Rewrites.of(method) if isinstance(each, Default)]
    if not defaults:
        return content
    body = Body(orjson.loads(content))
    body.rewrite(defaults)
    return orjson.dumps(body.value)


class NotReadOnly(Exception):
    """The method may change something, so nothing was sent."""


class ReadOnlyGateway:
    """A gateway that gets at most `rate` requests a second, and fewer after a 429."""

    def __init__(self, client: GatewayClient, rate: float) -> None:
        self._client = client
        self._interval = 1 / rate
        self._next = 0.0

    async def ask(self, method: Method, body: bytes) -> Reply:
        """The reply to one request. Raises NotReadOnly for a method that does more than read."""
        if not method.reads_only or method.streams:
            raise NotReadOnly(method.path)
        for left in reversed(range(MOST_ATTEMPTS)):
            await self._wait()
            try:
                response = await self._client.send("POST", method.path, body, {})
            except CallError as error:
                late = error.code == "DEADLINE_EXCEEDED"
                return Reply(None, problem=error.message, timed_out=late)
            if response.status_code != TOO_MANY_REQUESTS or not left:
                break
            await asyncio.sleep(seconds_of(response.headers.get("Retry-After", "")))
        return Reply(response.status_code, response.content)

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        start = max(self._next, now)
        self._next = start + self._interval
        await asyncio.sleep(start - now)


def seconds_of(retry_after: str) -> float:
    """The seconds of a Retry-After header; 1 for a date or nothing."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), LONGEST_RETRY_AFTER_SECONDS)
    return 1.0
