"""The tools of an assistant: a gateway's methods over the Model Context Protocol."""
