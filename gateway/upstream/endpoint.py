"""One endpoint of Cuebot: calls over its channel, and what is told of the connection.

Why one could not be made is told in words that help. Whether Cuebot answers is found out by probes.
"""

import asyncio
import os
import socket
import ssl
from time import monotonic

import structlog

from gateway.errors import Code
from gateway.upstream.http2.connection import ClosedEarly, SpeaksTls
from gateway.upstream.http2.outcome import not_connected, too_late
from gateway.upstream.interface import (
    CallFailed,
    Channel,
    Expects,
    Follower,
    Metadata,
    Reason,
    State,
    takes_all,
)
from gateway.upstream.tls import Tls

log = structlog.stdlib.get_logger("gateway.upstream")

UNUSABLE = (State.TRANSIENT_FAILURE, State.SHUTDOWN)
ATTEMPTS = 5
"""How often a call is tried for which there is no connection, or which the peer refuses."""
HEALTH = "/grpc.health.v1.Health/Check"
"""What is called as a probe where no better method is known. It changes nothing; the stock Cuebot
does not know it, and says so."""
PAUSE = 1.0
"""Seconds between two probes."""
GONE = (Reason.NOT_CONNECTED, Reason.REFUSED, Reason.LOST)
"""How a call fails on a connection that has ended, which tells nothing of Cuebot."""

EXPIRED = 10
WRONG_NAME = (62, 64)
"""OpenSSL's verify codes: X509_V_ERR_CERT_HAS_EXPIRED; _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH."""
NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons for what is no TLS record."""
PROBES_UNTIL_UNRESPONSIVE = 2
"""Failed probes, one after the other; one alone may be bad luck."""


class Health:
    """The score of one endpoint. One answer mends it."""

    def __init__(self) -> None:
        self.reason = ""
        """How the latest probe has failed; empty after an answer."""
        self._failures = 0

    @property
    def unresponsive(self) -> bool:
        """Whether it takes calls and does not answer them."""
        return self._failures >= PROBES_UNTIL_UNRESPONSIVE

    def fail(self, reason: str) -> bool:
        """A probe has failed so. Whether it counts as unresponsive from now on."""
        self.reason = reason
        self._failures += 1
        return self._failures == PROBES_UNTIL_UNRESPONSIVE

    def mend(self) -> bool:
        """There was an answer. Whether it counted as unresponsive until now."""
        hung = self.unresponsive
        self.reason = ""
        self._failures = 0
        return hung


class Endpoint:
    """An `Upstream` over one channel.

    `endpoint` is its `host:port`, and `tls` what the channel has for TLS. A probe fails that has
    no answer within `probe_timeout` seconds.
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
        self._probe_timeout = probe_timeout

    @property
    def endpoints(self) -> "tuple[Endpoint, ...]":
        """Itself, the only one."""
        return (self,)

    @property
    def ready(self) -> bool:
        """Whether it is connected. If not, it will try to be."""
        return self._channel.get_state(try_to_connect=True) is State.READY

    @property
    def unresponsive(self) -> bool:
        """Whether calls to it are not answered. They are sent all the same: one might be."""
        return self._health.unresponsive

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return self._channel.connections

    async def trouble(self) -> str:
        """Why calls would fail, for people who need not know its name; empty if they would not."""
        if self.ready:
            return self._health.reason if self.unresponsive else ""
        problem = await self._channel.problem()
        if problem is None:
            return ""
        return likely_cause(problem, self._tls, spoke=self._channel.spoke) or described(problem)

    async def call(
        self,
        path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        expects: Expects = takes_all,
    ) -> bytes:
        """As `Upstream` says.

        A call waits while the first connection is made, and fails at once while none can be made.
        What the peer has not looked at is sent again, over a new connection if there has to be one.
        """
        deadline = monotonic() + timeout
        attempt = 0
        while True:
            try:
                return await self._channel.unary(path, payload, timeout, metadata, expects)
            except CallFailed as failure:
                attempt += 1
                # Its headers would be too large for the peer the next time as well.
                if (
                    failure.may_have_reached_server
                    or failure.code is not Code.UNAVAILABLE
                    or attempt == ATTEMPTS
                ):
                    raise
            await self._connected(deadline - monotonic())
            timeout = deadline - monotonic()

    async def _connected(self, timeout: float) -> None:
        """Return when there is a connection. Raises CallFailed when there will be none in time."""
        try:
            async with asyncio.timeout(timeout):
                if not await self._wait_until_ready():
                    raise not_connected(await self._explained())
        except TimeoutError:
            raise too_late(may_have_reached_server=False) from None

    async def _explained(self) -> str:
        """Why there is no connection."""
        problem = await self._channel.problem()
        return explained(problem, self._tls, spoke=self._channel.spoke)

    async def _wait_until_ready(self) -> bool:
        """Whether a connection comes of the attempt to make one."""
        while (state := self._channel.get_state(try_to_connect=True)) is not State.READY:
            if state in UNUSABLE:
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
        """Keep the channel connected, and log when Cuebot goes and comes, until cancelled.

        A connection that has been idle for long is thereby replaced by a fresh one, and silence is
        looked into, with the follower's probe. The follower is to look again when there is a new
        connection in place of an old one: behind it may be another Cuebot. With `on_any` it is to
        do so for the first connection as well, and when there is none any more.
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
        """Whenever calls stay without an answer, probe until there is one.

        A Cuebot without its database answers pings but no reads. A peer that has vanished answers
        neither, and only another connection helps, which may be as dead.
        """
        while True:
            await self._channel.silence()
            while not await self._answers(follower.probe or HEALTH):
                self._channel.ping(self._probe_timeout)
                await asyncio.sleep(min(PAUSE, self._probe_timeout))
            if self._health.mend():
                log.info("Cuebot answers again", endpoint=self.endpoint)

    async def _answers(self, probe: str) -> bool:
        """Whether this probe is answered, or another call meanwhile. Waits for a connection."""
        while (state := self._channel.get_state(try_to_connect=True)) is not State.READY:
            if state is State.SHUTDOWN:
                return True
            await self._channel.wait_for_state_change(state)
        began = asyncio.get_running_loop().time()
        try:
            await self._channel.unary(probe, b"", self._probe_timeout, ())
        except CallFailed as failure:
            if failure.reason in GONE:
                return False
            late = failure.code is Code.DEADLINE_EXCEEDED  # which Cuebot may say as well
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
        """End its connection and all calls on it."""
        await self._channel.close()


def explained(problem: Exception | None, tls: Tls | None, *, spoke: bool) -> str:
    """What is likely to be wrong and what to do about it, as far as that is known.

    `problem` is what connecting has raised; None when it would work by now. `spoke` tells whether
    connecting has worked before.
    """
    if problem is None:
        return "it was unavailable for a moment"
    cause, raised = likely_cause(problem, tls, spoke=spoke), described(problem)
    return f"{cause}: {raised}" if cause else raised


def described(problem: Exception) -> str:
    """What was raised, in a few words that name no host: callers and health checks read them."""
    if isinstance(problem, socket.gaierror):
        return f"DNS: {problem.strerror}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in WRONG_NAME:
            return "TLS: hostname mismatch"  # its own message says which name it is not for
        return f"TLS: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {problem.reason or problem}"
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno)
    return str(problem) or type(problem).__name__


def likely_cause(problem: Exception, tls: Tls | None, *, spoke: bool) -> str:
    """What is likely to be wrong: `its certificate has expired`. Empty if that is not known.

    A connection that is closed or reset says nothing of settings with which others have worked: a
    Cuebot that dies does that, too.
    """
    if isinstance(problem, ssl.SSLCertVerificationError) and tls is not None:
        if problem.verify_code == EXPIRED:
            return "its certificate has expired"
        if problem.verify_code in WRONG_NAME:
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
