"""The documentation site, built by Sphinx from the files that GitHub shows: `make docs`."""

from typing import Any

project = "cuebot-gateway"
author = "the authors of cuebot-gateway"
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/**.md", "docs/*.md"]
extensions = ["myst_parser"]
nitpicky = True

# GitHub gives every heading an anchor.
myst_heading_anchors = 4
# Output is shortened with "…", which is neither JSON nor TOML.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = project
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

PARTS = {
    "Start here": ["getting-started", "demo", "glossary"],
    "Artist and wrangler": ["recipes", "cuectl", "assistants", "call", "specs"],
    "Scripter": [
        *("calls", "examples", "http", "names", "views", "conditional", "watch", "batch"),
        *("dry-run", "at-most-once", "compression", "errors", "obstacles"),
    ],
    "Front end": [
        *("connect", "protocol-clients", "cors", "pages", "openapi", "reference", "cueweb"),
    ],
    "Administrator": [
        *("deployment", "configuration", "proxies", "tokens", "access", "object-rights"),
        *("access-methods", "identity", "audit", "logs", "operations", "health", "rate-limits"),
        *("admission", "scaling", "shared-reads", "several-farms", "access-log", "metrics"),
        *("traces", "security", "tools", "reflection", "profile", "moving"),
    ],
    "Contributor": [
        *("architecture", "../CONTRIBUTING", "../benchmarks/**", "reliability"),
        *("features", "dependencies", "../CHANGELOG"),
    ],
}
"""The pages by reader, in the order of the menu. Each page has one place."""


def add_menu(app: Any, name: str, source: list[str]) -> None:
    """Add the menu to the front page. In the file itself, GitHub would show it as code."""
    if name == root_doc:
        for title, pages in PARTS.items():
            paths = [
                page.removeprefix("../") if "../" in page else f"docs/{page}" for page in pages
            ]
            lines = ["```{toctree}", ":hidden:", ":glob:", f":caption: {title}", "", *paths, "```"]
            source[0] += "\n" + "\n".join(lines) + "\n"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_menu)
