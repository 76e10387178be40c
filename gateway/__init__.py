"""cuebot-gateway: JSON over HTTP in front of OpenCue's Cuebot, with no generated code."""

import os

__version__ = "0.1.0"

# gRPC's core writes lines of its own to standard error, in a form of its own. What matters of
# them comes back as a status anyway. This has to be set before grpc is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
