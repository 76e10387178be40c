"""A call without HTTP: plan, invoke, preview."""
