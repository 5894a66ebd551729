"""Turns what stands on the command line, or in a JSON file, into rows; whether they fit a model, the server says."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import typer

from rowcall_client.predictions import Row

#: A number as people type it. A leading zero makes it text, because it is most often a code such as 00501.
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: A whole number of more digits than this is text: no feature counts so far, but identifiers do.
LONGEST_INTEGER = 18


def read_input(arguments: Sequence[str], file: BinaryIO | None) -> Row | Sequence[Row]:
    """Return the row of FEATURE=VALUE arguments, or the record or records of a file.

    Raises typer.BadParameter when there is neither, or both, or one cannot be read.
    """
    if file is None and not arguments:
        raise typer.BadParameter("nothing to predict: give FEATURE=VALUE, such as height=181, or --input FILE")
    if file is None:
        return parse_arguments(arguments)
    if arguments:
        raise typer.BadParameter("give either FEATURE=VALUE arguments or --input, not both")
    return parse_file(file)


def parse_arguments(arguments: Sequence[str]) -> Row:
    """Return one row. Raises typer.BadParameter for an argument without '=' and for a repeated feature."""
    row: dict[str, float | int | str | None] = {}
    for argument in arguments:
        feature, equals, text = argument.partition("=")
        if not equals or not feature:
            raise typer.BadParameter(f"{argument!r} is not FEATURE=VALUE, such as height=181")
        if feature in row:
            raise typer.BadParameter(f"the feature {feature!r} is given twice")
        row[feature] = parse_value(text)
    return row


def parse_value(text: str) -> float | int | str:
    """Return a number for what looks like one, and else the text; double quotes keep a number text."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if not NUMBER.fullmatch(text):
        return text
    if text.lstrip("+-").isdecimal():
        return int(text) if len(text) <= LONGEST_INTEGER else text
    return float(text) if math.isfinite(float(text)) else text


def parse_texts(arguments: Sequence[str], kind: str, example: str) -> dict[str, str] | None:
    """Return name to text from arguments such as NAME=TEXT; None without any.

    kind: how an argument of the kind is written. Raises typer.BadParameter.
    """
    texts: dict[str, str] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not (name and equals and text):
            raise typer.BadParameter(f"{argument!r} is not {kind}, such as {example}")
        if name in texts:
            raise typer.BadParameter(f"{name!r} is given twice: it can be only one {kind}")
        texts[name] = text
    return texts or None


def parse_metadata(arguments: Sequence[str] | None) -> dict[str, str] | None:
    """Return the texts of NAME=TEXT arguments; None without any. Raises typer.BadParameter."""
    return parse_texts(arguments or [], "NAME=TEXT", "order=4711")


def parse_file(file: BinaryIO) -> Row | Sequence[Row]:
    """Return the record or the array of records in a JSON file. Raises typer.BadParameter."""
    try:
        document = json.loads(file.read(), parse_constant=refuse_constant, parse_float=parse_finite_float)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"the input is not JSON: {error}") from error
    if is_record(document) or (isinstance(document, list) and all(is_record(record) for record in document)):
        checked: Row | Sequence[Row] = document
        return checked
    raise typer.BadParameter('the input must be one record, such as {"height": 181}, or an array of records')


def is_record(document: Any) -> bool:
    """Whether a piece of JSON, hence `Any`, is an object."""
    return isinstance(document, dict)


def refuse_constant(name: str) -> float:
    """Refuse NaN and Infinity, which Python would read although JSON has no such numbers."""
    raise ValueError(f"{name} is not a JSON number")


def parse_finite_float(text: str) -> float:
    """Refuse a number beyond what a double can hold, which Python would read as infinite."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large for a number")
    return number
