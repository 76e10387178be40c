"""The memory of a soak as a picture: `python -m tests.chaos.memory_chart`.

It draws docs/static/soak.svg from docs/static/soak.csv, which `make soak CSV=…` has written.
"""

from math import ceil, floor
from pathlib import Path

from tests.chaos.memory import Memory, read_memory

STATIC = Path(__file__).parent.parent.parent / "docs" / "static"
FIGURES, PICTURE = STATIC / "soak.csv", STATIC / "soak.svg"
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 36, 40, 36  # pixels around the axes
STEP_MB, STEP_MINUTES = 10, 10  # from one line of the grid to the next
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  text { fill: #59636e } .paper { fill: #ffffff; stroke: #d1d9e0 } path { fill: none }
  .grid { stroke: #d1d9e0 } .memory { stroke: #0f6d8c; stroke-width: 2 }
  .half { stroke: #8fa3b8; stroke-dasharray: 4 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .paper { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d }
    .memory { stroke: #5fb8d4 } .half { stroke: #56697d }
  }
"""


def chart(memory: Memory) -> str:
    points = memory.by_minute
    minutes = ceil(points[-1][0] / STEP_MINUTES) * STEP_MINUTES
    least = (floor(min(mb for _, mb in points) / STEP_MB) - 1) * STEP_MB
    most = (ceil(max(mb for _, mb in points) / STEP_MB) + 1) * STEP_MB

    def x(minute: float) -> str:
        return f"{LEFT + minute / minutes * (WIDTH - LEFT - RIGHT):.1f}"

    def y(megabytes: float) -> str:
        return f"{TOP + (most - megabytes) / (most - least) * (HEIGHT - TOP - BOTTOM):.1f}"

    lines = []
    for megabytes in range(least, most + 1, STEP_MB):
        lines += [
            f'<path class="grid" d="M{x(0)} {y(megabytes)}H{x(minutes)}"/>',
            f'<text x="{LEFT - 8}" y="{y(megabytes)}" dy="4" text-anchor="end">{megabytes}</text>',
        ]
    for minute in range(0, minutes + 1, STEP_MINUTES):
        words = f"{minute} min" if minute == minutes else minute
        place = f'x="{x(minute)}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle"'
        lines.append(f"<text {place}>{words}</text>")
    half, growth = memory.second_half[0][0], memory.growth
    if growth is not None:
        lines += [
            f'<path class="half" d="M{x(half)} {y(least)}V{y(most)}"/>',
            f'<text x="{x(half)}" y="{y(most)}" dx="8" dy="16">{growth:+.3f} MB a minute</text>',
        ]
    line = "L".join(f"{x(minute)} {y(megabytes)}" for minute, megabytes in points)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}">',
            "<title>Memory of the gateway in a soak, by the minute</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="8"/>',
            f'<text x="{LEFT}" y="24">Resident memory in MB, medians of each minute</text>',
            *lines,
            f'<path class="memory" d="M{line}"/>',
            "</svg>",
            "",
        )
    )


if __name__ == "__main__":
    PICTURE.write_text(chart(read_memory(FIGURES)), encoding="utf-8")
