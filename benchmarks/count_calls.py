"""`python -m benchmarks.count_calls OUTPUT MODULE …`: how often a module calls each function.

The module runs as `python -m MODULE …`. The output, JSON, has `[file, function, calls]` for each
code object of Python. pstats, which `python -m cProfile` writes, keeps one of those that have the
same file, line and name, and so only one of all constructors of named tuples.
"""

import cProfile
import json
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Count until the module ends, however it does."""
    output, *sys.argv[:] = sys.argv[1:]
    profiler = cProfile.Profile()
    try:
        profiler.runcall(runpy.run_module, sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        counted = ((entry.code, entry.callcount) for entry in profiler.getstats())
        rows = [
            (code.co_filename, code.co_name, calls)
            for code, calls in counted
            if not isinstance(code, str)  # one of C
        ]
        Path(output).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
