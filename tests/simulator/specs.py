"""Job specs as pyoutline writes them."""

DOCTYPE = (
    '<?xml version="1.0"?><!DOCTYPE spec PUBLIC "SPI Cue  Specification Language"'
    ' "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd">'
)


def layer_xml(
    name: str = "render",
    *,
    kind: str = "Render",
    span: str = "1-10",
    chunk: int | str = 1,
    services: tuple[str, ...] = ("nuke",),
    more: str = "",
) -> str:
    """A layer. `more` is what stands between its chunk and its services."""
    listed = "".join(f"<service>{service}</service>" for service in services)
    return (
        f'<layer name="{name}" type="{kind}"><cmd>nuke -F #IFRAME#</cmd><range>{span}</range>'
        f"<chunk>{chunk}</chunk>{more}<env/><services>{listed}</services><outputs/></layer>"
    )


def job_xml(*layers: str, name: str = "comp_v004", more: str = "") -> str:
    """A job. `more` is what stands before its layers."""
    return (
        f'<job name="{name}">{more}<env/><layers>{"".join(layers or [layer_xml()])}</layers></job>'
    )


def depend_xml(kind: str, anyframe: str = "False", **names: str) -> str:
    """A dependency: `deplayer="preview", onlayer="comp"` and so on."""
    order = ("depjob", "deplayer", "depframe", "onjob", "onlayer", "onframe")
    listed = "".join(f"<{tag}>{names[tag]}</{tag}>" for tag in order if tag in names)
    return f'<depend type="{kind}" anyframe="{anyframe}">{listed}</depend>'


def spec_xml(
    *jobs: str,
    show: str = "demo",
    shot: str = "sh030",
    user: str = "lena",
    uid: int = 1234,
    facility: str = "local",
    depends: str = "",
) -> str:
    """A whole spec."""
    return (
        f"{DOCTYPE}<spec><facility>{facility}</facility><show>{show}</show><shot>{shot}</shot>"
        f"<user>{user}</user><email>{user}@studio.example</email><uid>{uid}</uid>"
        f"{''.join(jobs or [job_xml()])}<depends>{depends}</depends></spec>"
    )
