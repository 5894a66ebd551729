"""The release that this is; pyproject.toml and the client name the same."""

VERSION = "0.1.0"
