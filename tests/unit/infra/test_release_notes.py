"""The notes of a release."""

from pathlib import Path

import pytest

from infra.scripts import release_notes as script
from infra.scripts.release_notes import NoNotes, main, release_notes

CHANGELOG = """# Changelog

## Unreleased

### Added
- Not yet.

## [1.2.3] - 2026-11-28

### Added
- A door. `## 1.0.0` in a line is no heading.

### Fixed
- A hole.

## 1.2.0
- Older.

## 1.1.0

## 1.0.10
- Ten.
"""


def test_the_notes_are_the_section_of_the_version_and_no_more() -> None:
    assert release_notes(CHANGELOG, "1.2.3") == (
        "### Added\n- A door. `## 1.0.0` in a line is no heading.\n\n### Fixed\n- A hole.\n"
    )


def test_a_heading_needs_no_brackets_and_no_date() -> None:
    assert release_notes(CHANGELOG, "1.2.0") == "- Older.\n"


def test_images_are_named_by_digest() -> None:
    notes = release_notes(CHANGELOG, "1.2.0", ["registry/rowcall/api@sha256:aa", "registry/rowcall/worker@sha256:bb"])

    assert notes == (
        "- Older.\n\n### Images\n- `registry/rowcall/api@sha256:aa`\n- `registry/rowcall/worker@sha256:bb`\n"
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("9.9.9", "no section 9.9.9"),
        ("1.0.1", "no section 1.0.1"),
        ("1.2", "no section 1.2:"),
        ("1.0.0", "no section 1.0.0"),
        ("1.1.0", "is empty"),
    ],
    ids=["unknown", "the beginning of another", "a shorter one", "only in a line", "nothing in it"],
)
def test_a_version_without_notes_is_no_release(version: str, message: str) -> None:
    with pytest.raises(NoNotes, match=message):
        release_notes(CHANGELOG, version)


def test_the_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG)
    monkeypatch.setattr(script, "_CHANGELOG", changelog)

    assert main(["9.9.9"]) == 1
    assert "rename Unreleased" in capsys.readouterr().err
    assert main(["1.2.0"]) == 0
    assert capsys.readouterr().out == "- Older.\n"
