"""zstd as Python has it from 3.14 on (PEP 784), from the backport before that."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["zstd"]
