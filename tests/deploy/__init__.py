"""The files of config/deploy/."""
