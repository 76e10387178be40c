"""Every setting: model, loading, reload, key files."""
