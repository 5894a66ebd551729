"""Codes of rows of a file that came back without a prediction."""

from enum import StrEnum


class RowErrorCode(StrEnum):
    """Why a row of a file came back without a prediction; the codes of fields keep their names."""

    #: The cell of a feature is empty.
    MISSING_VALUE = "missing_value"
    #: The cell is not a finite number with a decimal point.
    NOT_A_NUMBER = "not_a_number"
    #: A number with a fraction where the feature counts whole things.
    NOT_AN_INTEGER = "not_an_integer"
    #: Outside the hard range of the feature; the message says which unit it looks like.
    OUT_OF_RANGE = "out_of_range"
    #: Not one of the categories of the feature.
    NOT_A_CATEGORY = "not_a_category"
    #: More or fewer cells than the header has.
    WRONG_COLUMN_COUNT = "wrong_column_count"
    #: A cell of a feature holds bytes that are no text in the file's encoding.
    NOT_DECODABLE = "not_decodable"
    #: The model raised an exception for the row.
    PREDICTION_FAILED = "prediction_failed"
    #: The model answered something that is no prediction, such as NaN.
    OUTPUT_INVALID = "output_invalid"
    #: Each worker that took the row died or hung while it held it.
    WORKER_DIED = "worker_died"
