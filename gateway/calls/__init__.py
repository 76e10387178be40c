"""A call to Cuebot without HTTP: plan, invoke, preview."""
