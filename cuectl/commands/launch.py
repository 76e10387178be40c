"""`cuectl launch`."""

import sys
from typing import BinaryIO

import click

from cuectl.call_options import time_option
from cuectl.errors import Failure, InvalidCall
from cuectl.session import Session


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("-f", "--file", "--spec", "spec", type=click.File("rb"), help="The same.")
@click.option("--wait", is_flag=True, help="Follow what was launched until it is done.")
@time_option("--timeout", most=30 * 86400, help="With --wait, give up after this time.")
@click.pass_obj
def launch(
    session: Session,
    file: BinaryIO | None,
    spec: BinaryIO | None,
    wait: bool,
    timeout: float | None,
) -> None:
    """Launch jobs from a file (or -), and print their names.

    \b
    Example:
      cuectl launch job.xml --wait

    Exit status: see cuectl --help
    """
    import orjson

    from cuectl.client.arguments import Arguments
    from cuectl.commands.follow import follow_all
    from cuectl.requests import put
    from cuectl.rows import rows_at, value_at

    if (file is None) == (spec is None):
        raise click.UsageError("Missing argument 'FILE'" if file is None else "expected one file")
    file = file or spec
    assert file is not None
    about = session.part("launch")
    if not about:
        raise Failure("this gateway does not say how to launch, or the token may not")
    try:
        text = file.read().decode()
    except UnicodeDecodeError:
        raise Failure(f"{file.name} is not text in UTF-8") from None
    if not text.strip():
        raise InvalidCall(f"{file.name} is empty")
    body: dict[str, object] = {}
    put(body, about["put"], text)
    answer = session.run(lambda client: client.call(about["method"], Arguments(orjson.dumps(body))))
    rows = rows_at(orjson.loads(answer.content), about.get("rows"))
    names = [str(value_at(row, about["name"])) for row in rows]
    click.echo("\n".join(names))
    if not names:
        raise Failure("nothing was launched")
    if wait:
        sys.exit(follow_all(session, session.part("follow"), names, timeout))
