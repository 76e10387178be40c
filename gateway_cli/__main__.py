"""`python -m gateway_cli` is `cuebot-gateway`."""

from gateway_cli import main

if __name__ == "__main__":
    main(prog_name="cuebot-gateway")
