"""A call without HTTP: a request's JSON to a plan, and a plan to Cuebot's answer or a preview."""
