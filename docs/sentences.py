"""The sentences in docs/errors.md: what the gateway answers when something goes wrong.

`make map` asks a gateway before the simulated farm and writes them; tests/test_docs.py checks that
they are up to date. The farm's clock stands, and its ids are always the same.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.farms import running_farm, still_farm
from tests.support.rights import rule, signed
from tests.support.servers import gateway_for, http_client

PAGE = Path(__file__).parent / "errors.md"
START = "<!-- Made by `make map`: docs/sentences.py -->\n"
END = "<!-- As far as here -->\n"

LENA, PRIYA = "demo-sh010-lena_comp_v003", "demo-sh020-priya_comp_v007"
"""A pending job, and a finished one."""
LIKE_LENA = "demo-sh010-lena_comp_v03"
ACCESS = [rule("admins", {"role": "admin"}, "all"), rule("artists", {"role": "artist"}, "reads")]
ADMIN, ARTIST = signed("sam", role="admin"), signed("lena", role="artist")
EXPIRED = signed("sam", role="admin", exp=1_700_000_000)
KEYS = [*ADMIN.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

Headers = Mapping[str, str] | list[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """A request, as it is shown: `Job/Pause job=NAME`, with GET before it for a read."""

    what: str
    text: str
    headers: Headers = field(default_factory=lambda: ADMIN)


@dataclass(frozen=True)
class Answered:
    status: int
    message: str
    cuebot: str


TABLES: Mapping[str, tuple[Asked, ...]] = {
    "Names": (
        Asked("A misspelled job", f"Job/Pause job={LIKE_LENA}"),
        Asked("A finished job, in a change", f"Job/Pause job={PRIYA}"),
        Asked("A finished job, in `FindJob`", f"GET Job/FindJob name={PRIYA}"),
        Asked("A pattern for a name", "Job/Pause job=demo-sh010-*"),
        Asked("A misspelled layer", f"Layer/SetMinMemory job={LENA} layer=cmop memory=8GB"),
        Asked("A frame without its job", "Frame/Retry frame=1001-comp"),
        Asked("An unknown frame", f"Frame/Kill job={LENA} frame=9999-comp"),
        Asked("An unknown host", "Host/Lock host=render-node-70"),
        Asked(
            "Half of an allocation's name", "Host/SetAllocation host=desk-201 allocation=general"
        ),
        Asked("An unknown limit", "Limit/SetMaxValue name=nuke maxValue=3"),
        Asked("A subscription's name", "Subscription/SetSize subscription=demo.general new_size=5"),
        Asked("A taken name", "Show/CreateShow name=demo"),
        Asked("An unknown show, in a filter", "GET Job/GetJobs show=dmeo"),
        Asked("Half of a name, in a filter", "GET Host/GetHosts allocation=general"),
    ),
    "Not as things are": (
        Asked("Locking a host that is down", "Host/Lock host=render-node-07"),
        Asked(
            "Moving a host on which frames run",
            "Host/SetAllocation host=render-node-01 allocation=local.desktop",
        ),
        Asked("Deleting this host", "Host/Delete host=render-node-01"),
        Asked(
            "Deleting an allocation with hosts",
            "Allocation/Delete allocation.facility=local allocation.name=general",
        ),
        Asked("Deleting a show with jobs", "Show/Delete show=demo"),
        Asked("Deleting a group with jobs", "Group/Delete group=comp show=demo"),
    ),
    "Values and fields": (
        Asked("A bare number for a size", f"Layer/SetMinMemory job={LENA} layer=comp memory=8"),
        Asked("A bare number for a time", "GET Host/GetHosts _where=pingTime>60"),
        Asked("A word for a number", f"Job/SetPriority job={LENA} val=high"),
        Asked("A misspelled state", "GET Job/GetJobs _where=state=PENDIN"),
        Asked("An unknown argument", f"Job/SetPriority job={LENA} prio=5"),
        Asked("An unknown column", "GET Job/GetJobs _sort=priorty"),
        Asked("No criteria", f"Job/KillFrames job={LENA}"),
        Asked("No arguments", "Job/Pause"),
        Asked("A file's name for its text", "Job/LaunchSpecAndWait spec=job.xml"),
    ),
    "Methods, tokens and rights": (
        Asked("An unknown method", f"Job/PauseJob job={LENA}"),
        Asked("A GET of a change", f"GET Job/Pause job={LENA}"),
        Asked("No token", "GET Show/GetShows", {}),
        Asked("An empty token", "GET Show/GetShows", {"Authorization": "Bearer"}),
        Asked("An old token", "GET Show/GetShows", EXPIRED),
        Asked("A token that may only read", f"Job/Kill job={LENA}", ARTIST),
        Asked("Two `Idempotency-Key` headers", f"Job/Pause job={LENA}", KEYS),
    ),
}


async def section() -> str:
    """The generated part of the page, in Markdown."""
    async with (
        running_farm(still_farm()) as cuebot,
        gateway_for(cuebot.endpoint, access=ACCESS) as gateway,
        http_client(gateway.url) as client,
    ):
        services = dict(parts_of(each.path) for each in gateway.catalog.methods)
        texts: list[str] = []
        lines = [
            line
            for title, asked in TABLES.items()
            for line in table(
                title, [(each, await answer(client, services, each)) for each in asked], texts
            )
        ]
    return "\n".join((*lines, *notes(texts), "", ""))


def parts_of(path: str) -> tuple[str, str]:
    """`Job` and `/job.JobInterface/`."""
    start, _, _ = path.rpartition("/")
    return start.rpartition(".")[2].removesuffix("Interface"), f"{start}/"


async def answer(client: httpx.AsyncClient, services: Mapping[str, str], asked: Asked) -> Answered:
    *method, name = (word for word in asked.text.split() if "=" not in word)
    arguments = dict(word.split("=", 1) for word in asked.text.split() if "=" in word)
    service, _, last = name.partition("/")
    url = services[service] + last
    if method == ["GET"]:
        return answered(await client.get(url, params=arguments, headers=asked.headers))
    return answered(await client.post(url, data=arguments, headers=asked.headers))


def answered(got: httpx.Response) -> Answered:
    """Of an error, its texts; of a read that found nothing, the header that says why."""
    if got.status_code == 200:
        return Answered(200, f"X-No-Match: {got.headers['x-no-match']}", "")
    error = got.json()
    return Answered(got.status_code, error["message"], error.get("cuebot", "").partition("\n")[0])


def table(title: str, rows: Iterable[tuple[Asked, Answered]], texts: list[str]) -> Iterator[str]:
    """The rows; each of Cuebot's texts is added to `texts` once, and its number is in the row."""
    yield from ("", f"### {title}", "", "| What | Asked | Answered |", "|---|---|---|")
    for asked, answered in rows:
        said = f"{answered.status} {code(answered.message)}"
        if answered.cuebot:
            if answered.cuebot not in texts:
                texts.append(answered.cuebot)
            said += f" <sup>{texts.index(answered.cuebot) + 1}</sup>"
        yield f"| {asked.what} | {code(asked.text)} | {said} |"


def notes(texts: Iterable[str]) -> Iterator[str]:
    yield from ("", "Cuebot's own text, in `cuebot` (its first line):", "")
    for number, text in enumerate(texts, 1):
        yield f"{number}. {code(text)}"


def code(text: str) -> str:
    """A text as it is, in a cell of a table."""
    marks, space = ("``", " ") if "`" in text else ("`", "")
    return f"{marks}{space}{text}{space}{marks}".replace("|", r"\|")


def with_section(page: str, section: str) -> str:
    """The page with its generated part replaced."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    assert start, f"{PAGE.name} has no {START!r}"
    assert end, f"{PAGE.name} has no {END!r}"
    return f"{before}{start}{section}{end}{after}"


if __name__ == "__main__":
    made = asyncio.run(section())
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
