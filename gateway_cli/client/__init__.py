"""Calls made from the command line: through a gateway, or straight to Cuebot."""
