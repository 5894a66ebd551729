"""What names a file and what names a FileStore: anything else is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.file_store import CopyingFileStore, FileStore, LocalFileStore, make_file_store
from shared.s3_files import S3FileStore
from tests.integration.file_store.conftest import Source


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a/..",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "a\0b",
        "a\nb",
        "a/.partial-b",
        "~/\x7f",
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files, key: files.write_from(key, Source(1), max_bytes=1), id="write"),
        pytest.param(lambda files, key: files.open_writer(key).__enter__(), id="open a writer"),
        pytest.param(lambda files, key: files.size(key), id="size"),
        pytest.param(lambda files, key: files.read_range(key, 0, 1), id="read"),
        pytest.param(lambda files, key: files.delete_folder(key), id="delete"),
    ],
)
def test_a_key_that_we_never_make_is_refused(tmp_path: Path, use: Callable[[FileStore, str], object], key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        use(LocalFileStore(tmp_path), key)
    with pytest.raises(ValueError, match="not a key"):
        use(S3FileStore("bucket", "root"), key)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///var/lib/rowcall", LocalFileStore),
        ("s3://some-bucket", S3FileStore),
        ("s3://some-bucket/a/b/", S3FileStore),
        ("s3://some-bucket/a?region=eu-west-1&endpoint_url=http%3A%2F%2Fmoto%3A5000", S3FileStore),
    ],
)
def test_an_address_names_a_store(url: str, kind: type) -> None:
    assert isinstance(make_file_store(url), kind)
    assert isinstance(make_file_store(url), CopyingFileStore) == (kind is S3FileStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "var/lib",
        "file:relative",
        "file://host/secret",
        "file:///",
        "file:///a?secret=1",
        "s3://",
        "s3://UPPER",
        "s3://key:secret@bucket/a",
        "s3://bucket?secret=1",
        "s3://bucket?endpoint_url=ftp://secret",
        "s3://bucket?endpoint_url=http://user:secret@host",
        "https://bucket.secret",
    ],
)
def test_any_other_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="must be file:///absolute/folder or s3://bucket/prefix") as raised:
        make_file_store(url)

    assert "secret" not in str(raised.value)
