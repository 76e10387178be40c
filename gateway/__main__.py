"""`python -m gateway` runs `python -m gateway_cli`: what is in `gateway/` imports no command."""

import runpy

if __name__ == "__main__":
    runpy.run_module("gateway_cli", run_name="__main__", alter_sys=True)
