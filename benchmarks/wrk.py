"""wrk (https://github.com/wg/wrk), driven by a script and read as JSON."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import orjson

from benchmarks.load import Load, headers_of
from benchmarks.scenarios import Call, Scenario

ONE = """
wrk.method = "POST"
wrk.path = %(path)s
wrk.headers = %(headers)s
wrk.body = %(body)s
"""
"""Without a function, wrk builds the request once and runs no Lua for each."""
SEVERAL = """
local requests = {}
local turn = 0

init = function(args)
%(requests)s
end

request = function()
  turn = turn %% #requests + 1
  return requests[turn]
end
"""
PAUSE = """
delay = function()
  return math.random(0, %d)
end
"""
DONE = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "us": %d, "p50": %d, "p99": %d, "status": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
"""
RESULT = "RESULT "
LONGEST_ANSWER = 60
"""Seconds after which wrk gives up on an answer."""


def find_wrk() -> str | None:
    """Where wrk is, if it is installed."""
    return shutil.which("wrk")


def load_with_wrk(
    wrk: str, url: str, scenario: Scenario, seconds: float, token: str, folder: Path
) -> Load:
    """Load the gateway at `url` for whole seconds, 1 at least."""
    script = folder / f"{scenario.name}.lua"
    script.write_text(script_for(scenario.calls, token, scenario.pause_ms))
    run = subprocess.run(  # noqa: S603 - wrk, with our own arguments
        [
            wrk,
            "--threads=1",
            f"--connections={scenario.connections}",
            f"--duration={max(1, round(seconds))}s",
            f"--timeout={LONGEST_ANSWER}s",
            f"--script={script}",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 2 * LONGEST_ANSWER,
        check=False,
    )
    return parse_result(run.stdout + run.stderr, fails=scenario.status >= 400)


def script_for(calls: tuple[Call, ...], token: str, pause_ms: int = 0) -> str:
    """A Lua script that sends the calls in turn, and prints wrk's counts.

    Each connection pauses for up to `pause_ms` milliseconds before a request.
    """
    end = (PAUSE % pause_ms if pause_ms else "") + DONE
    parts = [
        {
            "path": lua(call.path),
            "headers": lua_table(headers_of(call, token)),
            "body": lua(call.body),
        }
        for call in calls
    ]
    if len(parts) == 1:
        return ONE % parts[0] + end
    wire = 'requests[#requests + 1] = wrk.format("POST", %(path)s, %(headers)s, %(body)s)'
    return SEVERAL % {"requests": "\n".join(wire % part for part in parts)} + end


def lua(text: str | bytes) -> str:
    """A Lua string literal with every byte escaped."""
    content = text.encode() if isinstance(text, str) else text
    return '"' + "".join(f"\\{byte:03}" for byte in content) + '"'


def lua_table(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"[{lua(key)}] = {lua(value)}" for key, value in pairs.items()) + "}"


def parse_result(output: str, *, fails: bool) -> Load:
    """The load that wrk tells of. `fails` is whether errors (4xx) are what was expected.

    Raises RuntimeError with wrk's words when there is no result.
    """
    line = next((line for line in output.splitlines() if line.startswith(RESULT)), None)
    if line is None:
        raise RuntimeError(f"wrk gave no result:\n{output}")
    found = orjson.loads(line.removeprefix(RESULT))
    failed = found["status"]
    return Load(
        requests=found["requests"],
        seconds=found["us"] / 1e6,
        p50_ms=found["p50"] / 1e3,
        p99_ms=found["p99"] / 1e3,
        wrong=found["broken"] + (found["requests"] - failed if fails else failed),
    )
