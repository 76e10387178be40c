"""The checks of a running gateway, over HTTP: is it ready, and what may the caller do?"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from gateway_cli.checks import Findings, entry
from gateway_client.errors import CallError, InvalidCall
from gateway_client.gateway import METHOD, GatewayClient, error_of
from gateway_client.method_names import explained, path_of
from gateway_client.openapi_document import Document
from gateway_client.terminal.text import counted
from gateway_client.tokens import claims_of

READINESS, STATUS = "/readyz", "/status.json"
NOWHERE = "/"
"""A path that needs a token and has nothing but HTML."""
READY, NOT_READY, NOT_FOUND = 200, 503, 404
FORBIDDEN = 403
REFUSED = (401, FORBIDDEN)
MOST_SKEW_SECONDS = 5.0
UNTOLD = "not told (DOCS=off)"


@dataclass(kw_only=True)
class GatewayReport(Findings):
    url: str
    readiness: Mapping[str, Any] | None = None
    """The content of `/readyz`; None if no gateway answers."""
    ready: bool = False
    status: Mapping[str, Any] | None = None
    """The content of `/status.json`, if it is served to this token."""
    token: str | None = None
    accepted: bool = False
    allowed: int | None = None
    """The number of methods that the token may call, if known."""
    method: str | None = None
    may_call: bool = False
    skew: float | None = None
    """Seconds by which the gateway's clock is ahead of this machine's."""

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the token, unchecked; none if it is unreadable."""
        return claims_of(self.token or "")

    def as_object(self) -> dict[str, object]:
        claims = self.claims
        return {
            **super().as_object(),
            "gateway": self.url,
            "ready": self.ready,
            "readiness": self.readiness,
            "status": self.status,
            "token": {
                "accepted": self.accepted,
                "sub": claims.get("sub"),
                "exp": claims.get("exp"),
            },
            "allowed": self.allowed,
            "method": self.method,
            "may_call": self.may_call if self.method else None,
            "clock_ahead": self.skew,
        }

    def lines(self) -> Iterator[str]:
        status = self.status or {}
        version = f" (version {status['version']})" if "version" in status else ""
        yield from entry("Gateway", self.url + version)
        if self.readiness is not None:
            yield from entry("Ready", "yes" if self.ready else "no")
        if cuebot := status.get("cuebot"):
            places = cuebot.get("endpoints", [])
            yield from entry("Cuebot", f"{cuebot.get('usable')} of {len(places)} reachable", places)
        if schema := status.get("schema"):
            kind = "confirmed by Cuebot" if schema.get("confirmed") else "assumed"
            yield from entry("Schema", f"{schema.get('source')} ({kind})")
            yield from entry("Digest", str(schema.get("digest")))
        if self.accepted:
            yield from entry("Token", f"accepted: {token_text(self.claims)}")
            may = UNTOLD if self.allowed is None else counted(self.allowed, "method")
            yield from entry("May call", may)
        if self.method is not None:
            yield from entry("Method", f"{self.method}: {'yes' if self.may_call else 'no'}")
        if self.skew is not None:
            yield from entry("Clock", f"{clock(self.skew)} this machine's")
        yield from super().lines()


async def check_gateway(
    client: GatewayClient, token: str | None, written: str | None
) -> GatewayReport:
    """Check everything, and whether the token may call the method with the name `written`.

    Without a token, only readiness is checked. Raises InvalidCall if there is no such method.
    """
    report = GatewayReport(url=client.base, token=token)
    try:
        await check_readiness(client, report)
        if report.readiness is not None and token is not None:
            await check_token(client, report)
        if report.accepted:
            await check_status(client, report)
            await check_rights(client, report, written)
    except CallError as error:
        report.problems.append(error.message)
    return report


async def check_readiness(client: GatewayClient, report: GatewayReport) -> None:
    """Whether it is a gateway, and ready, and whether the clocks agree."""
    began = time.time()
    answer = await client.send("GET", READINESS, b"", {})
    now = (began + time.time()) / 2
    state = json_object(answer) if answer.status_code in (READY, NOT_READY) else None
    if state is None or "status" not in state:
        got = f"HTTP {answer.status_code} {answer.reason_phrase}".strip()
        report.problems.append(f"{client.base} is not a cuebot-gateway: its {READINESS} is {got}")
        return
    report.readiness, report.ready = state, answer.status_code == READY
    if not report.ready:
        reason = state.get("reason") or f"Cuebot is {state.get('cuebot')}"
        report.problems.append(f"the gateway is not ready ({state['status']}): {reason}")
    for name, value in (("refresh", "failing"), ("store", "away")):
        if state.get(name) == value:
            report.warnings.append(f'{READINESS} says "{name}": "{value}"')
    check_clock(answer, now, report)


def check_clock(answer: httpx.Response, now: float, report: GatewayReport) -> None:
    """Compare the clocks; the Date header is truncated to seconds."""
    try:
        report.skew = round(parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5 - now)
    except (KeyError, ValueError):
        return
    if abs(report.skew) > MOST_SKEW_SECONDS:
        report.warnings.append(
            f"the gateway's clock is {clock(report.skew)} this machine's: tokens that one of them"
            " signs may be expired, or not valid yet, for the other"
        )


async def check_token(client: GatewayClient, report: GatewayReport) -> None:
    answer = await client.send("GET", NOWHERE, b"", {"Accept": "application/json"})
    report.accepted = answer.status_code not in REFUSED
    if not report.accepted:
        report.problems.append(f"the token is refused: {error_of(answer).message}")


async def check_status(client: GatewayClient, report: GatewayReport) -> None:
    """Read the gateway's status, which it does not have with DOCS=off."""
    answer = await client.send("GET", STATUS, b"", {})
    if answer.status_code == READY:
        report.status = json_object(answer)
    elif answer.status_code != NOT_FOUND:
        report.warnings.append(f"{STATUS}: {error_of(answer).message}")
    schema = (report.status or {}).get("schema") or {}
    if schema and not schema.get("confirmed"):
        report.warnings.append(
            f"the schema is assumed: it comes from {schema.get('source')}, and Cuebot's may differ"
        )
    if problem := (report.status or {}).get("problem"):
        report.warnings.append(f"the schema could not be looked at again: {problem}")


async def check_rights(client: GatewayClient, report: GatewayReport, written: str | None) -> None:
    """Count the methods in the OpenAPI document, and look for one. Raises InvalidCall."""
    path = None if written is None else path_of(written)
    if not report.ready and (report.readiness or {}).get("schema") == "none":
        return  # nothing can be called yet
    document = await client.document()
    report.allowed = None if document is None else len(document.methods)
    if report.allowed == 0:
        report.warnings.append("the token may call nothing")
    if path is not None and written is not None:
        await check_method(client, report, document, path, written)


async def check_method(
    client: GatewayClient,
    report: GatewayReport,
    document: Document | None,
    path: str,
    written: str,
) -> None:
    """Whether the token may call one method. Raises InvalidCall if it does not exist."""
    if document is None:
        report.problems.append(f"whether the token may call {written} is {UNTOLD}")
        return
    operation = document.operations.get(path)
    report.method = path if operation is None else operation.path
    report.may_call = operation is not None
    if operation is not None:
        return
    # A PUT never calls anything; if it is denied, the audit log shows that it was a dry run.
    answer = await client.send("PUT", path, b"", {"X-Dry-Run": "1"})
    if answer.status_code not in (METHOD, FORBIDDEN):
        raise InvalidCall(explained(written, path, error_of(answer).message))
    report.problems.append(f"the token may not call {path}, or it cannot be called at all")


def json_object(answer: httpx.Response) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def token_text(claims: Mapping[str, Any]) -> str:
    """The subject and the remaining lifetime."""
    text, expires = str(claims.get("sub", "no subject")), claims.get("exp")
    if isinstance(expires, int | float):
        minutes = max(int(expires - time.time()) // 60, 0)
        text += f", expires in {minutes // 60} h {minutes % 60} min"
    return text


def clock(skew: float) -> str:
    """`as`, `12 s ahead of`, `12 s behind`."""
    if abs(skew) <= 1:
        return "the same as"
    return f"{abs(skew):g} s {'ahead of' if skew > 0 else 'behind'}"
