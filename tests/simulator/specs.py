"""Job specs as pyoutline writes them, for a show of the demo."""

from tests.contract import specs


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
    head = f"<cmd>nuke -F #IFRAME#</cmd><range>{span}</range><chunk>{chunk}</chunk>"
    listed = "".join(f"<service>{service}</service>" for service in services)
    tail = f"<env/><services>{listed}</services><outputs/>"
    return specs.layer(name, kind=kind, head=head, more=more, tail=tail)


def job_xml(*layers: str, name: str = "comp_v004", more: str = "") -> str:
    """A job. `more` is what stands before its layers."""
    return specs.job(*(layers or [layer_xml()]), name=name, head=more)


def spec_xml(
    *jobs: str,
    show: str = "demo",
    shot: str = "sh030",
    user: str = "lena",
    facility: str = "local",
    depends: str = "",
) -> str:
    """A whole spec."""
    return specs.spec(
        *(jobs or [job_xml()]),
        facility=facility,
        show=show,
        shot=shot,
        user=user,
        uid=f"<email>{user}@studio.example</email><uid>1234</uid>",
        depends=depends,
    )
