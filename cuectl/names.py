"""`python -m cuectl.names KIND`: keeps the names of jobs, shows and so on for completion."""

import sys

from cuectl.client.arguments import Arguments
from cuectl.errors import CallError, Failure, InvalidCall, WrongSetting
from cuectl.rows import rows_at, value_at
from cuectl.session import Session

MOST_NAMES = 5000
TIMEOUT_SECONDS = 20.0


def fetch_names(session: Session, kind: str) -> list[str]:
    """Raises what a call raises."""
    import orjson

    about = session.cache.verbs.get("names", {}).get(kind)
    if about is None:
        return []
    answer = session.run(lambda client: client.call(about["method"], Arguments()), TIMEOUT_SECONDS)
    whole = orjson.loads(answer.content)
    paths = about["path"] if isinstance(about["path"], list) else [about["path"]]
    found = []
    for row in rows_at(whole, about.get("rows")):
        for path in paths:
            value = value_at(row, path)
            found += value if isinstance(value, list) else [value]
    return [name for name in dict.fromkeys(found) if isinstance(name, str)][:MOST_NAMES]


def main(arguments: list[str]) -> None:
    *options, kind = arguments
    given = dict(each.removeprefix("--").split("=", 1) for each in options)
    session = Session()
    session.choose(given.get("context"), given.get("url"), None)
    try:
        session.keep_fresh()
        session.cache.keep_names(kind, fetch_names(session, kind))
    except (CallError, Failure, InvalidCall, WrongSetting):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
