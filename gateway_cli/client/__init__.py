"""Calls made from the command line straight to Cuebot, and what of schemas it takes."""
