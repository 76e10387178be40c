"""The command line of people who use a gateway. It imports nothing of the gateway."""

__version__ = "0.1.0"
PROGRAM = "cuectl"
