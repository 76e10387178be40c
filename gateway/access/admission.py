"""How much may be under way at once: places that are taken, and given back."""

import asyncio
from collections.abc import Callable

from gateway.errors import RETRY_SOON, Code, GatewayError

WAITING = 16
WAITING_EACH = 8
"""How many requests, and how many of one client, may wait. Their answers are in memory."""


class InFlight:
    """At most `places` requests are with Cuebot at once; one more is refused."""

    def __init__(self, places: int) -> None:
        self._free = places

    def take(self) -> None:
        """Take a place. Raises GatewayError (UNAVAILABLE) when there is none."""
        if self._free <= 0:
            raise GatewayError(
                Code.UNAVAILABLE, "too many requests are being served", headers=RETRY_SOON
            )
        self._free -= 1

    def give_back(self) -> None:
        """The request has its answer."""
        self._free += 1


class LargeAnswers:
    """At most `total` large answers are sent at once, `each` of them to one client.

    A few requests may wait for their turn.
    """

    def __init__(self, *, total: int, each: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._each = each
        self._most_users = total + WAITING
        self._users = 0
        self._clients: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """By client, its own places and how many of its requests have or await one."""

    @property
    def clients(self) -> set[str]:
        """Who has a place or waits for one."""
        return set(self._clients)

    async def take(self, client: str, timeout: float) -> Callable[[], None]:
        """Wait for a place; the function that gives it back.

        Raises GatewayError (UNAVAILABLE) when there is none within `timeout` seconds, or at once
        when too many are waiting: what they wait with is in memory.
        """
        own, users = self._clients.get(client, (asyncio.Semaphore(self._each), 0))
        if users >= self._each + WAITING_EACH or self._users >= self._most_users:
            raise too_many()
        self._users += 1
        self._clients[client] = (own, users + 1)
        taken: list[asyncio.Semaphore] = []

        def give_back() -> None:
            for semaphore in taken:
                semaphore.release()
            self._users -= 1
            _, users = self._clients.pop(client)
            if users > 1:
                self._clients[client] = (own, users - 1)

        try:
            async with asyncio.timeout(timeout):
                for semaphore in (own, self._total):
                    await semaphore.acquire()
                    taken.append(semaphore)
        except TimeoutError:
            give_back()
            raise too_many() from None
        except BaseException:
            give_back()
            raise
        return give_back


def too_many() -> GatewayError:
    return GatewayError(
        Code.UNAVAILABLE, "too many large answers are being sent", headers=RETRY_SOON
    )
