"""The notes of a release, from the CHANGELOG: `python3 -m infra.scripts.release_notes 1.2.3`. Standard library only."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

_CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


class NoNotes(Exception):
    """Raised when the CHANGELOG says nothing about a version."""


def release_notes(changelog: str, version: str, images: Sequence[str] = ()) -> str:
    """Return what the CHANGELOG says about a version, and the images that it was released as.

    A section begins with `## 1.2.3`, `## [1.2.3]` or either with a date behind it. Raises NoNotes.
    """
    heading = re.compile(rf"^## \[?{re.escape(version)}\]?(?: .*)?$", re.MULTILINE)
    found = heading.search(changelog)
    if not found:
        raise NoNotes(f"CHANGELOG.md has no section {version}: rename Unreleased before the tag is set")
    text = re.split(r"^## ", changelog[found.end() :], maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        raise NoNotes(f"the section {version} of CHANGELOG.md is empty")
    if images:
        text += "\n\n### Images\n" + "\n".join(f"- `{image}`" for image in images)
    return text + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print the notes and return 0; say what is missing and return 1."""
    parser = argparse.ArgumentParser(prog="python3 -m infra.scripts.release_notes", description=__doc__)
    parser.add_argument("version", help="such as 1.2.3")
    parser.add_argument("--image", action="append", default=[], help="an image of the release, by digest")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(release_notes(_CHANGELOG.read_text(encoding="utf-8"), options.version, options.image))
    except NoNotes as error:
        sys.stderr.write(f"release notes: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
