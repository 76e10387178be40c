"""Which proc or render partition is on which host, looked up from either side."""

from collections.abc import Iterator, MutableMapping


class HostIndex(MutableMapping[str, str]):
    """Host ids by the ids of what is on the host, and the other way round."""

    def __init__(self) -> None:
        self._hosts: dict[str, str] = {}
        self._things: dict[str, dict[str, None]] = {}

    def on(self, host: str) -> tuple[str, ...]:
        """The ids of what is on that host, in the order that it came there."""
        return tuple(self._things.get(host, ()))

    def __getitem__(self, thing: str) -> str:
        return self._hosts[thing]

    def __setitem__(self, thing: str, host: str) -> None:
        self.pop(thing, None)
        self._hosts[thing] = host
        self._things.setdefault(host, {})[thing] = None

    def __delitem__(self, thing: str) -> None:
        host = self._hosts.pop(thing)
        del self._things[host][thing]
        if not self._things[host]:
            del self._things[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)
