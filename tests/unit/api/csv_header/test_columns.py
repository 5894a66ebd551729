"""How columns are found for the features, and a clear word where one is missing or ambiguous."""

import pytest

from api.csv_header import MAX_COLUMNS, MAX_HEADER_BYTES
from shared.batches import CsvLayout
from shared.errors import InputInvalid
from shared.manifest import Feature
from tests.unit.api.csv_header.conftest import layout, refusal

#: These tests take far less than a second, and much longer if time grew with the square of a name, or with all pairs of
#: columns and features.
HANG_SECONDS = 30
LONG_NAME = MAX_HEADER_BYTES - 100


def of_columns(*names: str) -> CsvLayout:
    """The layout of a file with these columns and one row."""
    return layout(",".join(names).encode() + b"\n" + b",".join([b"181"] * len(names)) + b"\n")


def test_columns_stand_in_any_order_among_others() -> None:
    found = of_columns("name", "shoe_size", "town", "height")

    assert (found.header, found.feature_columns) == (("name", "shoe_size", "town", "height"), (3, 1))


@pytest.mark.parametrize(
    "name",
    [
        "height",
        "HEIGHT",
        " height ",
        "Height (cm)",
        "height [cm]",
        "height(CM)",
        "Height ( cm ) ",
        '"Height (cm)"',
    ],
)
def test_case_spaces_and_the_own_unit_do_not_matter(name: str) -> None:
    assert of_columns("x", name, "shoe_size").feature_columns == (1, 2)


@pytest.mark.parametrize(
    "name", ["Shoe Size", "shoe-size", "ShoeSize", "SHOE_SIZE", "shoe  size (EU)", "shoe_size [eu]"]
)
def test_spaces_underscores_and_hyphens_are_the_same(name: str) -> None:
    assert of_columns("height", name).feature_columns == (0, 1)


@pytest.mark.parametrize("name", ["height (m)", "Height [inch]", "height (cm or m)"])
def test_a_column_in_another_unit_is_not_taken(name: str) -> None:
    (note,) = refusal(name.encode() + b",shoe_size\n1.81,44\n")

    assert (note.pointer, note.code) == ("/columns/height", "missing_column")
    assert "height in cm" in note.detail
    assert name in note.detail


@pytest.mark.parametrize("name", ["sepal length (cm)", "size [EU]", "rate (%)"])
def test_a_feature_with_brackets_in_its_name_is_found_by_its_name(name: str) -> None:
    feature = Feature(name=name, example=1.0)

    found = layout(name.encode() + b"\n1\n", features=(feature,))

    assert found.feature_columns == (0,)


def test_a_column_can_be_named_for_a_feature() -> None:
    found = layout(b"Body height,shoe_size\n181,44\n", columns={"height": "Body height"})

    assert found.feature_columns == (0, 1)


def test_a_column_that_was_named_wins_over_one_of_the_feature_s_name() -> None:
    found = layout(b"height,shoe_size,Body height\n1.81,44,181\n", columns={"height": "Body height"})

    assert found.feature_columns == (2, 1)


def test_a_column_that_was_named_is_taken_in_another_unit() -> None:
    found = layout(b"height (m),shoe_size\n1.81,44\n", columns={"height": "height (m)"})

    assert found.feature_columns == (0, 1)


def test_a_column_that_was_named_and_is_not_there_is_missing() -> None:
    (note,) = refusal(b"height,shoe_size\n181,44\n", columns={"height": "Body height"})

    assert (note.pointer, note.code) == ("/columns/height", "missing_column")


def test_a_column_named_for_a_feature_that_the_model_does_not_have_is_refused() -> None:
    notes = refusal(b"height,shoe_size,Body height\n1.81,44,181\n", columns={"hieght": "Body height"})

    assert len(notes) == 1
    assert "hieght" in notes[0].detail


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"height,Height (cm),shoe_size", id="two spellings"),
        pytest.param(b"height,height,shoe_size", id="the same twice"),
    ],
)
def test_two_columns_that_could_be_one_feature_are_ambiguous(header: bytes) -> None:
    (note,) = refusal(header + b"\n181,181,44\n")

    assert (note.pointer, note.code) == ("/columns/height", "ambiguous_column")
    assert "column=height:" in note.detail


def test_an_ambiguity_is_settled_by_naming_one() -> None:
    found = layout(b"height,Height (cm),shoe_size\n1,181,44\n", columns={"height": "Height (cm)"})

    assert found.feature_columns == (1, 2)


def test_an_ambiguity_under_a_wrong_delimiter_is_none() -> None:
    found = layout(b"x|height,height;y|height,shoe_size;height;shoe_size\n1;2;181;44\n")

    assert (found.dialect.delimiter, found.feature_columns) == (";", (2, 3))


@pytest.mark.parametrize("columns", [{"height": "shoe_size"}, {"height": "x", "shoe_size": "x"}], ids=["one", "both"])
def test_a_column_that_would_be_two_features_is_refused(columns: dict[str, str]) -> None:
    (note,) = refusal(b"x,shoe_size\n181,44\n", columns=columns)

    assert note.code == "bad_parameter"
    assert "height" in note.detail
    assert "shoe_size" in note.detail


def test_a_column_is_the_feature_of_its_whole_name_before_that_of_its_name_without_the_unit() -> None:
    features = (Feature(name="size", example=1.0), Feature(name="size (EU)", example=44.0))

    found = layout(b"size (EU),size\n44,1\n", features=features)

    assert found.feature_columns == (1, 0)


def test_every_missing_column_is_named_at_once() -> None:
    notes = refusal(b"name,town\nx,y\n")

    assert [(note.pointer, note.code) for note in notes] == [
        ("/columns/height", "missing_column"),
        ("/columns/shoe_size", "missing_column"),
    ]


def test_a_missing_column_comes_with_the_nearest_one_and_how_to_say_so() -> None:
    (note,) = refusal(b"heigth,shoe_size\n181,44\n")

    assert "column=height:heigth" in note.detail


def test_a_missing_column_without_a_near_one_comes_with_those_that_there_are() -> None:
    (note,) = refusal(b"xyz,shoe_size\n181,44\n")

    assert "'xyz', 'shoe_size'" in note.detail


def test_the_most_columns_are_accepted() -> None:
    names = ["height", "shoe_size", *(f"x{number}" for number in range(MAX_COLUMNS - 2))]

    assert len(of_columns(*names).header) == MAX_COLUMNS


def test_one_column_more_is_too_many() -> None:
    names = ["height", "shoe_size", *(f"x{number}" for number in range(MAX_COLUMNS - 1))]

    notes = refusal(",".join(names).encode() + b"\n1\n")

    assert [note.code for note in notes] == ["too_many_columns"]


@pytest.mark.timeout(HANG_SECONDS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("(" * LONG_NAME, id="brackets that are never closed"),
        pytest.param(" " * LONG_NAME + "x", id="spaces"),
    ],
)
def test_a_name_made_to_be_slow_is_not(name: str) -> None:
    assert of_columns("height", "shoe_size", name).feature_columns == (0, 1)


@pytest.mark.timeout(HANG_SECONDS)
def test_a_wide_header_and_many_features_are_not_slow() -> None:
    features = tuple(Feature(name=f"feature number {number}", example=1.0) for number in range(500))
    head = ",".join(f"Feature of number {number}" for number in range(MAX_COLUMNS)).encode() + b"\n1\n"

    with pytest.raises(InputInvalid) as refused:
        layout(head, features=features)

    assert len(refused.value.errors) == 500
