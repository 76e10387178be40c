"""cuebot-gateway: JSON over HTTP in front of OpenCue's Cuebot, with no generated code."""

__version__ = "0.1.0"
