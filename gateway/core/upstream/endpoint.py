"""One endpoint of Cuebot: calls over its channel, explained failures to connect, and probes."""

import asyncio
import os
import socket
import ssl
from collections import deque
from time import monotonic
from typing import NamedTuple

import structlog

from gateway.core.errors import Code
from gateway.core.upstream.connecting import ClosedEarly, SpeaksTls
from gateway.core.upstream.interface import (
    CallFailed,
    Channel,
    Follower,
    Reason,
    State,
    Tls,
    UpstreamCall,
    not_connected,
    too_late,
)

log = structlog.stdlib.get_logger("gateway.upstream")

UNUSABLE_STATES = (State.TRANSIENT_FAILURE, State.SHUTDOWN)
CALL_ATTEMPTS = 5
"""Attempts for a call without a connection, or refused by the peer."""
HEALTH_CHECK_PATH = "/grpc.health.v1.Health/Check"
"""The probe when no method is known. It has no effect; the stock Cuebot answers UNIMPLEMENTED."""
PROBE_INTERVAL_SECONDS = 1.0
CONNECTION_ENDED = (Reason.NOT_CONNECTED, Reason.REFUSED, Reason.LOST)
"""Failures of a connection that has ended; they say nothing about Cuebot's health."""

CERTIFICATE_EXPIRED = 10
CERTIFICATE_NAME_MISMATCH = (62, 64)
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, and _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH."""
NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons for a record that is not TLS."""
PROBES_UNTIL_UNRESPONSIVE = 2
"""Consecutive failed probes; a single one may be chance."""
RECENT_SECONDS = 60.0
MOST_CALLS = 512
"""Calls that are remembered."""


class Health:
    def __init__(self) -> None:
        self.reason = ""
        self._failures = 0

    @property
    def unresponsive(self) -> bool:
        return self._failures >= PROBES_UNTIL_UNRESPONSIVE

    def fail(self, reason: str) -> bool:
        """Record a failed probe. Whether the endpoint has just become unresponsive."""
        self.reason = reason
        self._failures += 1
        return self._failures == PROBES_UNTIL_UNRESPONSIVE

    def mend(self) -> bool:
        """Record an answer. Whether the endpoint was unresponsive."""
        hung = self.unresponsive
        self.reason = ""
        self._failures = 0
        return hung


class Latency(NamedTuple):
    """The latency of calls that ended within RECENT_SECONDS: at most the last MOST_CALLS."""

    calls: int
    median: float
    """Seconds, like `p99`."""
    p99: float


class RecentCalls:
    def __init__(self) -> None:
        self.times: deque[tuple[float, float]] = deque(maxlen=MOST_CALLS)
        """When each began and ended (monotonic seconds)."""

    def latency(self) -> Latency | None:
        """None without a call."""
        first = monotonic() - RECENT_SECONDS
        took = sorted(ended - began for began, ended in self.times if ended > first)
        if not took:
            return None
        return Latency(len(took), took[len(took) // 2], took[len(took) * 99 // 100])


class Endpoint:
    """An `Upstream` over one channel.

    `endpoint` is `host:port`, `tls` the channel's configuration. Probes time out after
    `probe_timeout` seconds.
    """

    def __init__(
        self,
        endpoint: str,
        channel: Channel,
        tls: Tls | None = None,
        *,
        probe_timeout: float = 3.0,
    ) -> None:
        self.endpoint = endpoint
        self._channel = channel
        self._tls = tls
        self._health = Health()
        self._calls = RecentCalls()
        self._probe_timeout = probe_timeout

    @property
    def endpoints(self) -> "tuple[Endpoint, ...]":
        return (self,)

    @property
    def ready(self) -> bool:
        """Whether the channel is connected. If not, begins to connect."""
        return self._channel.get_state(try_to_connect=True) is State.READY

    @property
    def unresponsive(self) -> bool:
        """Whether calls stay unanswered. They are sent all the same: one may succeed."""
        return self._health.unresponsive

    @property
    def connections(self) -> int:
        return self._channel.connections

    @property
    def latency(self) -> Latency | None:
        """The latency of the last calls, including those that failed at the endpoint; None without
        any.
        """
        return self._calls.latency()

    async def trouble(self) -> str:
        """Why calls would fail, without the endpoint's name; empty if they would not."""
        if self.ready:
            return self._health.reason if self.unresponsive else ""
        problem = await self._channel.problem()
        if problem is None:
            return ""
        return likely_cause(problem, self._tls, spoke=self._channel.spoke) or described(problem)

    async def call(self, asked: UpstreamCall) -> bytes:
        """See `Upstream`.

        A call waits for the first connection, and fails at once after a failed attempt. A call
        that the peer has not processed is sent again, if necessary over a new connection.
        """
        began = monotonic()
        deadline = began + asked.timeout
        attempt = 0
        while True:
            if asked.timeout <= 0:  # grpcio would call, and may have an answer
                raise too_late(may_have_reached_server=False)
            try:
                answer = await self._channel.unary(asked)
            except CallFailed as failure:
                attempt += 1
                if failure.may_have_reached_server:
                    self._calls.times.append((began, monotonic()))
                # Headers too large for the peer stay too large.
                if (
                    failure.may_have_reached_server
                    or failure.code is not Code.UNAVAILABLE
                    or attempt == CALL_ATTEMPTS
                ):
                    raise
            else:
                self._calls.times.append((began, monotonic()))
                return answer
            await self._connected(deadline - monotonic())
            began = monotonic()
            asked = asked._replace(timeout=deadline - began)

    async def _connected(self, timeout: float) -> None:
        """Wait for a connection. Raises CallFailed without one in time."""
        try:
            async with asyncio.timeout(timeout):
                if not await self._wait_until_ready():
                    raise not_connected(await self._explained())
        except TimeoutError:
            raise too_late(may_have_reached_server=False) from None

    async def _explained(self) -> str:
        """Why there is no connection: the likely cause and its remedy, as far as known."""
        problem = await self._channel.problem()
        if problem is None:  # connecting would succeed now
            return "it was unavailable for a moment"
        cause = likely_cause(problem, self._tls, spoke=self._channel.spoke)
        return f"{cause}: {described(problem)}" if cause else described(problem)

    async def _wait_until_ready(self) -> bool:
        while (state := self._channel.get_state(try_to_connect=True)) is not State.READY:
            if state in UNUSABLE_STATES:
                return False
            await self._channel.wait_for_state_change(state)
        return True

    async def usable(self, timeout: float) -> int:
        try:
            async with asyncio.timeout(timeout):
                return int(await self._wait_until_ready() and not self.unresponsive)
        except TimeoutError:
            return 0

    async def watch(self, follower: Follower, *, on_any: bool = False) -> None:
        """Keep the channel connected, and log when Cuebot goes and comes back, until cancelled.

        Reconnects idle connections, and probes silent ones with the follower's method. The
        follower is refreshed after a reconnection, since Cuebot may have been upgraded; with
        `on_any` also after the first connection and after each loss.
        """
        probing = asyncio.create_task(self._probe_when_silent(follower))
        try:
            await self._stay_connected(follower, on_any=on_any)
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)

    async def _stay_connected(self, follower: Follower, *, on_any: bool) -> None:
        reachable: bool | None = None
        connected_before = False
        while (state := self._channel.get_state(try_to_connect=True)) is not State.SHUTDOWN:
            if state is State.READY:
                if connected_before or on_any:
                    follower.request_refresh()
                connected_before = True
                if reachable is not True:
                    reachable = True
                    log.info("Cuebot is connected", endpoint=self.endpoint)
            elif state is State.TRANSIENT_FAILURE and reachable is not False:
                reachable = False
                reason = await self._explained()
                log.warning("Cuebot cannot be reached", endpoint=self.endpoint, reason=reason)
                if on_any:
                    follower.request_refresh()
            await self._channel.wait_for_state_change(state)

    async def _probe_when_silent(self, follower: Follower) -> None:
        """Whenever calls stay unanswered, probe until there is an answer.

        A Cuebot without its database answers pings but no reads. A vanished peer answers neither,
        and only a new connection helps, which may be dead as well.
        """
        while True:
            await self._channel.silence()
            while not await self._answers(follower.probe or HEALTH_CHECK_PATH):
                self._channel.ping(self._probe_timeout)
                await asyncio.sleep(min(PROBE_INTERVAL_SECONDS, self._probe_timeout))
            if self._health.mend():
                log.info("Cuebot answers again", endpoint=self.endpoint)

    async def _answers(self, probe: str) -> bool:
        """Whether the probe, or another call meanwhile, is answered. Waits for a connection."""
        while (state := self._channel.get_state(try_to_connect=True)) is not State.READY:
            if state is State.SHUTDOWN:
                return True
            await self._channel.wait_for_state_change(state)
        began = asyncio.get_running_loop().time()
        try:
            await self._channel.unary(UpstreamCall(probe, b"", self._probe_timeout))
        except CallFailed as failure:
            if failure.reason in CONNECTION_ENDED:
                return False
            late = failure.code is Code.DEADLINE_EXCEEDED  # Cuebot may report it as well
            answers = failure.reason in (Reason.STATUS, Reason.TOO_LARGE) and not late
            if not answers and self._channel.answered_at < began:
                reason = failure.details
                if late:
                    reason = f"a call that only reads had no answer in {self._probe_timeout:g} s"
                if self._health.fail(reason):
                    log.warning("Cuebot hangs", endpoint=self.endpoint, reason=reason)
                return False
        return True

    async def close(self) -> None:
        await self._channel.close()


def described(problem: Exception) -> str:
    """The exception in a few words without host names: clients and health checks read them."""
    if isinstance(problem, socket.gaierror):
        return f"DNS: {problem.strerror}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in CERTIFICATE_NAME_MISMATCH:
            return "TLS: hostname mismatch"  # OpenSSL's message has the host name
        return f"TLS: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {problem.reason or problem}"
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno)
    return str(problem) or type(problem).__name__


def likely_cause(problem: Exception, tls: Tls | None, *, spoke: bool) -> str:
    """The likely cause, such as `its certificate has expired`, or "".

    If connecting has worked before (`spoke`), a closed or reset connection says nothing about the
    settings: a dying Cuebot causes it as well.
    """
    if isinstance(problem, ssl.SSLCertVerificationError) and tls is not None:
        if problem.verify_code == CERTIFICATE_EXPIRED:
            return "its certificate has expired"
        if problem.verify_code in CERTIFICATE_NAME_MISMATCH:
            return "its certificate is for another name than the one in CUEBOT_ENDPOINT"
        if tls.roots is not None:
            return "its certificate is not signed by a CA in CUEBOT_CA_FILE"
        return "its certificate is not signed by a public CA; set CUEBOT_CA_FILE to its own CA"
    if isinstance(problem, ssl.SSLError) and problem.reason in NOT_TLS:
        return "it does not speak TLS, but CUEBOT_TLS is true"
    if isinstance(problem, SpeaksTls):
        return "it expects TLS; set CUEBOT_TLS=true"
    ended = isinstance(problem, (ConnectionResetError, ClosedEarly)) and not spoke
    if not (ended or isinstance(problem, ssl.SSLError)):
        return ""
    if tls is None:
        return "it closes the connection; if it expects TLS, set CUEBOT_TLS=true"
    if tls.certificate is not None:
        return "it closes the connection; it may not trust CUEBOT_CERT_FILE"
    return (
        "it closes the connection; if it requires a client certificate, set CUEBOT_CERT_FILE and"
        " CUEBOT_KEY_FILE"
    )
