"""What the commands of one run share: the context, its tokens and its cache."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and not needed by all commands
    from cuectl.cache import Cache
    from cuectl.contexts import Context
    from gateway_client.tokens import TokenSource


@dataclass(frozen=True)
class Session:
    """The options before a verb, and what they choose."""

    name: str | None = None
    url: str | None = None
    token: str | None = None

    def as_options(self) -> list[str]:
        """The options for another process, without the token, which other users would see."""
        found = [f"--context={self.name}"] if self.name else []
        return found + ([f"--url={self.url}"] if self.url else [])

    @cached_property
    def context(self) -> "Context":
        """Raises WrongSetting."""
        from cuectl.contexts import chosen_context

        return chosen_context(self.name, self.url, self.token)

    @cached_property
    def tokens(self) -> "TokenSource":
        return self.context.tokens()

    @cached_property
    def cache(self) -> "Cache":
        """Raises WrongSetting."""
        from cuectl.cache import Cache

        return Cache(self.context)
