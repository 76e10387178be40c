"""`make install` and `make demo`: pip with one line that says how far it is.

    python -m release.install "what it installs" pip's arguments …

On a terminal the line counts the packages as they come. Everything that pip says is printed if it
fails; its exit status is ours.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator

COMING = ("Collecting ", "Downloading ", "Installing ", "Building ", "Preparing ")
"""How pip's lines about its progress begin."""


def progress(title: str, lines: Iterable[str]) -> Iterator[str]:
    """The line after each of pip's that changes it."""
    packages = 0
    for line in lines:
        words = line.split()
        if not line.lstrip().startswith(COMING):
            continue
        packages += words[0] == "Collecting"
        doing = words[1] if words[0] == "Collecting" else words[0].lower()
        yield f"{title}: {packages} packages, {doing}"[:78]


def main() -> int:
    title, *arguments = sys.argv[1:]
    terminal = sys.stdout.isatty()
    print(f"{title} …", end="" if terminal else "\n", flush=True)
    said: list[str] = []
    pip = ("pip", "install", "--disable-pip-version-check", "--progress-bar=off", *arguments)
    with subprocess.Popen(  # noqa: S603 - it is pip
        [sys.executable, "-m", *pip],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in progress(title, remembered(process.stdout, said)):
            if terminal:
                print(f"\r{line}\033[K", end="", flush=True)
    if process.returncode:
        print("\n" + "".join(said), file=sys.stderr)
    elif terminal:
        print(f"\r{title}: done\033[K")
    return process.returncode


def remembered(lines: Iterable[str], said: list[str]) -> Iterator[str]:
    """The lines, which are put into `said` on their way."""
    for line in lines:
        said.append(line)
        yield line


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
