"""Taking turns: few very large answers at once, and not all of them one client's."""

import asyncio
from collections.abc import Callable

from gateway.errors import RETRY_SOON, Code, GatewayError

WAITING = 16
WAITING_EACH = 8
"""How many requests, and how many of one client, may wait. Their answers are in memory."""


class Turns:
    """`total` turns, of which one client can have `each`. A few requests may wait for one."""

    def __init__(self, *, total: int, each: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._each = each
        self._most_users = total + WAITING
        self._users = 0
        self._clients: dict[str, tuple[asyncio.Semaphore, int]] = {}
        """Per client its own turns, and how many requests have or await one."""

    async def take(self, client: str, patience: float) -> Callable[[], None]:
        """Wait for a turn; the function that gives it back.

        Raises GatewayError (UNAVAILABLE) when none comes within `patience` seconds, or at once
        when too many are waiting already: what they wait with is in memory.
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
            async with asyncio.timeout(patience):
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
