"""Contexts: gateways by name, with the way to a token. The environment comes before them."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

import orjson

from cuectl.folders import config_folder, read_if_there, write_private
from gateway_client.errors import WrongSetting
from gateway_client.suggestions import did_you_mean
from gateway_client.tokens import TokenSource, subject_of

FILE = "contexts.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    name: str
    url: str
    token: str = ""
    token_command: str = ""

    @property
    def cache_key(self) -> str:
        """What a token may call is its own."""
        subject = subject_of(self.token) if self.token else ""
        return "\n".join((self.url, self.name, subject))

    def tokens(self) -> TokenSource:
        return TokenSource(self.token, self.token_command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    current: str = ""
    known: Mapping[str, Context] = field(default_factory=dict)

    def named(self, name: str) -> Context:
        """Raises WrongSetting."""
        if name not in self.known:
            near = did_you_mean(name, self.known)
            raise WrongSetting(f"there is no context {name!r}{near}; see: cuectl context list")
        return self.known[name]

    def save(self) -> None:
        shown = {
            "current": self.current,
            "contexts": {
                each.name: {key: value for key, value in asdict(each).items() if value}
                for each in self.known.values()
            },
        }
        write_private(config_folder() / FILE, orjson.dumps(shown, option=orjson.OPT_INDENT_2))


def load_contexts() -> Contexts:
    """Raises WrongSetting for a file that is broken."""
    path = config_folder() / FILE
    content = read_if_there(path)
    if not content:
        return Contexts()
    try:
        read = orjson.loads(content)
        known = {name: Context(**{**each, "name": name}) for name, each in read["contexts"].items()}
        return Contexts(current=str(read["current"]), known=known)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WrongSetting(f"{path} is broken; correct it, or remove it") from None


def chosen_context(name: str | None, url: str | None, token: str | None) -> Context:
    """The context for this command: options, then the environment, then what is stored.

    A context that an option names has its own token: TOKEN may be another gateway's. Raises
    WrongSetting without a gateway.
    """
    is_named = name is not None
    own = token if token is not None else os.environ.get("TOKEN", "").strip()
    url = url or (None if name else os.environ.get("GATEWAY_URL"))
    if url:
        return Context(name="", url=url.rstrip("/"), token=own)
    contexts = load_contexts()
    name = name or os.environ.get("CUECTL_CONTEXT") or contexts.current
    if not name:
        raise WrongSetting(
            "no gateway is known: cuectl context add NAME --url URL --token-command COMMAND,"
            " or set GATEWAY_URL and TOKEN"
        )
    found = contexts.named(name)
    if token is None and is_named and (found.token or found.token_command):
        return found
    return replace(found, token=own, token_command="") if own else found
