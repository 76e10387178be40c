"""The path of a request: context, routing, handler, plan, calls to Cuebot, answer."""
