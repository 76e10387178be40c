"""`cuebot-gateway batch`."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import click
import orjson

from gateway.core.errors import ConfigurationError
from gateway_cli.common_options import Way, config_option, settings_from, way_options
from gateway_cli.exits import complain
from gateway_cli.tokens import token_source
from gateway_client.batch import LONGEST_SILENCE_SECONDS, BatchClient, Item, items_in
from gateway_client.durations import time_option
from gateway_client.errors import CallError, InvalidCall
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, WRONG_USAGE, failure_lines
from gateway_client.terminal.text import counted


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--stop-on-error", is_flag=True, help="One after the other, none after a failure.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["json", "ndjson"]),
    help="An array in the order of the calls, or a line as each ends (default: as the calls were).",
)
@time_option("--timeout", help="How long it may take until the next answer (1h).")
@way_options
@config_option
def batch(
    file: BinaryIO,
    stop_on_error: bool,
    form: Literal["json", "ndjson"] | None,
    timeout: float | None,
    way: Way,
    config: Path | None,
) -> None:
    """Make many calls in one request.

    FILE (or -) has them as NDJSON, an object a line, or as a JSON array: {"id": …, "method":
    "Job/Kill", "request": {…}, "view": {"_fields": …}}. Only "method" is needed. It takes a
    gateway (--url, GATEWAY_URL). Calls wait for the rate limit, and a lost connection leads to no
    second call.

    \\b
    Example:
      cuebot-gateway batch calls.ndjson
      jq -c '…' | cuebot-gateway batch - --stop-on-error

    \\b
    Exit status:
      0  all calls succeeded
      1  one failed, or the gateway was lost; standard error has a summary
      2  wrong usage or settings: no calls in FILE
    """
    if way.url is None:
        raise ConfigurationError("a batch needs a gateway: set GATEWAY_URL, or use --url")
    try:
        items, is_array = items_in(file.read())
    except InvalidCall as error:
        complain(f"{file.name}: {error}")
        sys.exit(WRONG_USAGE)
    settings = settings_from(config)
    token = token_source(settings, way.token, way.sub)
    opening = gateway_client(way.url, token, settings.grpc_timeout)
    silence = LONGEST_SILENCE_SECONDS if timeout is None else timeout

    async def run() -> list[Item]:
        async with opening as client:
            as_array = form == "json" or (form is None and is_array)
            batches = BatchClient(client, stop_on_error, silence)
            return await send_and_show(batches, items, as_array=as_array)

    failures = asyncio.run(run())
    click.echo(summary(len(items), failures), err=True, nl=False)
    sys.exit(FAILED if failures else 0)


async def send_and_show(
    client: BatchClient, items: Sequence[Item], *, as_array: bool
) -> list[Item]:
    """Print the answers, and return those of failed calls. Raises CallError."""
    answers: dict[str, Item] = {}
    out = sys.stdout.buffer
    async for answer in client.answers(items):
        answers[str(answer["id"])] = answer
        if not as_array:
            out.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
            out.flush()
    in_order = [answers[str(item["id"])] for item in items]
    if as_array:
        out.write(orjson.dumps(in_order, option=orjson.OPT_APPEND_NEWLINE))
        out.flush()
    return [answer for answer in in_order if answer["status"] >= 400]


def summary(count: int, failures: Sequence[Item]) -> str:
    failed = [
        (str(each["id"]), CallError(str(each["error"].get("error")), each["error"]["message"]))
        for each in failures
    ]
    told = f"{counted(count, 'call')}, {len(failures)} failed"
    return "".join(f"{line}\n" for line in (told, *failure_lines(failed)))
