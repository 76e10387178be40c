"""Job specs as OpenCue's tools send them: the parts that its DTD knows, in its order or not.

Line numbers count in what Cuebot says of a spec: every part begins on a line of its own.
"""

DTD = "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd"
SHOW = "c$run"
TAG = "contract"
"""No host has it, so that frames wait."""


def layer(
    name: str = "render",
    *,
    kind: str = "Render",
    head: str = "<cmd>nuke -F #IFRAME#</cmd><range>1-10</range><chunk>1</chunk>",
    more: str = f"<tags>{TAG}</tags>",
    tail: str = "<services><service>shell</service></services>",
) -> str:
    """A layer: `more` comes after its chunk, `tail` at its end."""
    return f'<layer name="{name}" type="{kind}">\n{head}{more}{tail}\n</layer>\n'


def job(*layers: str, name: str = "a_v001", head: str = "") -> str:
    """A job, with one layer if none are given. `head` comes before its layers."""
    inside = "".join(layers or (layer(),))
    return f'<job name="{name}">\n{head}<layers>\n{inside}</layers>\n</job>\n'


def depend(kind: str, inside: str) -> str:
    return f'<depend type="{kind}" anyframe="False">\n{inside}</depend>\n'


def spec(
    *jobs: str,
    dtd: str | None = DTD,
    facility: str = "local",
    show: str = SHOW,
    shot: str = "sh010",
    user: str = "alice",
    uid: str = "<uid>1001</uid>",
    depends: str = "",
) -> str:
    """A whole spec, with one job if none are given."""
    doctype = f'<!DOCTYPE spec PUBLIC "SPI Cue Specification Language" "{dtd}">\n' if dtd else ""
    inside = "".join(jobs or (job(),))
    return (
        f'<?xml version="1.0"?>\n{doctype}<spec>\n<facility>{facility}</facility>'
        f"<show>{show}</show><shot>{shot}</shot><user>{user}</user>{uid}\n"
        f"{inside}<depends>\n{depends}</depends>\n</spec>\n"
    )


def with_dtd(version: str) -> str:
    return DTD.replace("1.15", version)
