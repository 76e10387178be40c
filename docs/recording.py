"""The recording of `cuectl follow` on the demo, in docs/cuectl.md: `make recording`.

The command runs in a pseudo-terminal. What it writes, and when, becomes the frames of an SVG, which
is played faster.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from docs.demo_farm import running_demo

RECORDING = Path(__file__).parent / "static" / "follow.svg"
JOB = "demo-sh010-lena_comp_v003"
COLUMNS, LINES = 100, 6
LONGEST_SECONDS = 900
PLAYED_SECONDS, LAST_SECONDS = 16.0, 4.0
"""How long all takes, and for how long the end is seen."""
MOST_FRAMES = 40
CHARACTER, LINE, MARGIN = 7.8, 20, 14
UP = re.compile(r"\x1b\[(\d+)F\x1b\[J")
FRAME = "<g style='animation-name:f{number}'>{lines}</g>"
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">
<title>cuectl follow: bars of a job's layers until it is done</title>
<style>
text{{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d6deeb;white-space:pre}}
g{{animation:{seconds:g}s steps(1) infinite;visibility:hidden}}
{keyframes}
@media (prefers-reduced-motion){{g{{animation:none}}g:last-of-type{{visibility:visible}}}}
</style>
<rect width="100%" height="100%" rx="6" fill="#011627"/>
{frames}
</svg>
"""

Screen = tuple[str, ...]


def written(command: list[str], environ: dict[str, str]) -> Iterator[tuple[float, str]]:
    """What a command writes to a terminal, with the seconds since it began."""
    began = time.monotonic()
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(command[0], command, environ)  # noqa: S606 - it is our own command
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES + 1, COLUMNS, 0, 0))
    while time.monotonic() < began + LONGEST_SECONDS:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            text = os.read(terminal, 65536).decode()
        except OSError:  # it has ended
            break
        yield time.monotonic() - began, text.replace("\r", "")
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    print(f"{' '.join(command)} has ended with {os.waitstatus_to_exitcode(status)}")


def screens(typed: str, pieces: Iterator[tuple[float, str]]) -> list[tuple[float, Screen]]:
    """What was seen below the line that was typed, and from when on."""
    lines = [typed]
    found: dict[float, Screen] = {0.0: (typed,)}
    for moment, text in pieces:
        first, *others = UP.split(text)
        lines += first.splitlines()
        for up, drawn in zip(others[::2], others[1::2], strict=True):
            lines[-int(up) :] = drawn.splitlines()
        found[round(moment)] = tuple(lines)  # what is seen for less than a second is left out
    return [*found.items()]


def thinned(seen: Sequence[tuple[float, Screen]]) -> list[tuple[float, Screen]]:
    """So many frames at most: the first, the last, and some between."""
    step = max(1, -(-len(seen) // MOST_FRAMES))
    return [*seen[:-1:step], seen[-1]]


def svg_of(seen: Sequence[tuple[float, Screen]]) -> str:
    scale = (PLAYED_SECONDS - LAST_SECONDS) / seen[-1][0]
    begins = [100 * moment * scale / PLAYED_SECONDS for moment, _ in seen] + [100]
    keyframes = [
        f"@keyframes f{number}{{0%{{visibility:hidden}}{begin:.2f}%{{visibility:visible}}"
        f"{end:.2f}%{{visibility:hidden}}}}"
        for number, (begin, end) in enumerate(pairwise(begins))
    ]
    keyframes[0] = keyframes[0].replace("0%{visibility:hidden}0.00%", "0%")
    frames = [
        FRAME.format(
            number=number, lines="".join(text_at(place, line) for place, line in enumerate(screen))
        )
        for number, (_, screen) in enumerate(seen)
    ]
    return SVG.format(
        width=COLUMNS * CHARACTER + 2 * MARGIN,
        height=max(len(screen) for _, screen in seen) * LINE + MARGIN,
        seconds=PLAYED_SECONDS,
        keyframes="\n".join(keyframes),
        frames="\n".join(frames),
    )


def text_at(place: int, line: str) -> str:
    """A line of the terminal, as wide as it was there, whatever the font has."""
    width = len(line) * CHARACTER
    top = (place + 1) * LINE
    return f'<text x="{MARGIN}" y="{top}" textLength="{width:.0f}">{escape(line)}</text>'


def record() -> None:
    with running_demo() as (url, token), tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "GATEWAY_URL": url,
            "TOKEN": token,
            "XDG_CACHE_HOME": folder,
            "TERM": "xterm",
        }
        command = [sys.executable, "-m", "cuectl", "follow", JOB]
        seen = screens(f"$ cuectl follow {JOB}", written(command, environ))
    RECORDING.write_text(svg_of(thinned(seen)), encoding="utf-8")


if __name__ == "__main__":
    record()
