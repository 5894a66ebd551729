"""Which files may be taken from a bucket."""

import pytest

from api.bucket_input import read_input_url, require_unpacked
from shared.errors import InputInvalid


def test_a_file_in_a_named_bucket_may_be_taken() -> None:
    assert read_input_url({"input_url": "s3://uploads/a/b.csv"}, ("uploads",)) == "s3://uploads/a/b.csv"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="no object"),
        pytest.param({}, id="no address"),
        pytest.param({"input_url": 1}, id="not a string"),
        pytest.param({"input_url": "s3://uploads/a.csv", "more": 1}, id="something else beside it"),
        pytest.param({"input_url": "s3://u[\x1a/a.csv"}, id="brackets in the bucket"),
        pytest.param({"input_url": "s3://uploads"}, id="no key"),
        pytest.param({"input_url": "https://uploads/a.csv"}, id="another scheme"),
        pytest.param({"input_url": "s3://secrets/a.csv"}, id="a bucket that is not named"),
    ],
)
def test_anything_else_is_refused_at_its_place(body: object) -> None:
    with pytest.raises(InputInvalid) as refused:
        read_input_url(body, ("uploads",))

    assert [note.pointer for note in refused.value.errors] == ["/input_url"]


def test_a_packed_file_is_refused() -> None:
    with pytest.raises(InputInvalid, match="packed"):
        require_unpacked(b"\x1f\x8b\x08")
