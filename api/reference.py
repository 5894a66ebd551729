"""Writes the reference of the HTTP API from the published contract; `make reference` puts it where it belongs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

#: A piece of the contract; `Any` because it is a document of many forms.
Document = Mapping[str, Any]

METHODS = ("get", "put", "post", "patch", "delete")
OPENING = """# HTTP API

<!-- Made from api/openapi.yaml by `make reference`; edit that. -->

A running service has the same as `/openapi.json`, completed with the inputs of the models that it serves, and as pages
to try out under `/docs`. What each error code means is in [errors](errors.md).
"""


class Reference:
    """Renders one contract as Markdown."""

    def __init__(self, contract: Document) -> None:
        self._contract = contract

    def render(self) -> str:
        """Return the whole page."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield OPENING
        # Its last paragraph is about the models that are served, which only a running service knows.
        yield self._contract["info"]["description"].strip().rpartition("\n\n")[0]
        for tag in self._contract["tags"]:
            yield f"\n## {tag['name'].capitalize()}\n\n{tag['description']}"
            if "x-scope" in tag:
                scope = tag["x-scope"]
                which = "any valid one will do" if scope == "any" else f"it needs the scope `{scope}`"
                yield f"\nWhere keys are asked for: {which}."
            for path, item in self._contract["paths"].items():
                for method in METHODS:
                    if tag["name"] in item.get(method, {}).get("tags", ()):
                        yield from self._render_operation(path, method, item[method])
        yield "\n## Webhooks\n\nWhat this service sends to the URL of a webhook."
        for item in self._contract["webhooks"].values():
            for method, operation in item.items():
                yield from self._render_operation("to the URL of the webhook", method, operation)
        yield "\n## Documents"
        for name, schema in sorted(self._contract["components"]["schemas"].items()):
            yield from self._render_schema(name, schema)

    def _render_operation(self, path: str, method: str, operation: Document) -> Iterator[str]:
        yield f"\n### {method.upper()} {path}\n\n{operation['summary']}."
        if "description" in operation:
            yield f"\n{operation['description'].strip()}"
        parameters = [self._resolve(parameter) for parameter in operation.get("parameters", ())]
        if parameters:
            rows = [
                (f"`{one['name']}`", one["in"], self._show_type(one["schema"]), find_description(one))
                for one in parameters
            ]
            yield from render_table(("parameter", "in", "type", "what it is"), rows)
        if "requestBody" in operation:
            bodies = self._show_content(self._resolve(operation["requestBody"])["content"])
            yield f"\nBody: {' or '.join(bodies)}."
        shared: dict[str, list[str]] = {}
        for status, answer in operation["responses"].items():
            shared.setdefault(json.dumps(answer), []).append(status)
        rows = [self._show_answer(", ".join(statuses), json.loads(text)) for text, statuses in shared.items()]
        yield from render_table(("answer", "what it says", "body", "headers"), rows)

    def _show_answer(self, status: str, node: Document) -> tuple[str, str, str, str]:
        answer = self._resolve(node)
        headers = ", ".join(f"`{name}`" for name in answer.get("headers", ()))
        return status, answer["description"], "; ".join(self._show_content(answer.get("content", {}))), headers

    def _show_content(self, content: Document) -> list[str]:
        return [f"`{media}` ({self._show_type(one['schema'])})" for media, one in content.items()]

    def _render_schema(self, name: str, schema: Document) -> Iterator[str]:
        yield f"\n### {name}"
        if "description" in schema:
            yield f"\n{schema['description'].strip()}"
        if "enum" in schema:
            yield "\n" + ", ".join(f"`{value}`" for value in schema["enum"])
        elif "properties" in schema:
            required = schema.get("required", ())
            rows = [
                (f"`{key}`", self._show_type(one), "yes" if key in required else "", find_description(one))
                for key, one in schema["properties"].items()
            ]
            yield from render_table(("member", "type", "always there", "what it is"), rows)
        else:
            yield f"\n{self._show_type(schema)}".rstrip()
        if "example" in schema:
            yield f"\n```json\n{json.dumps(schema['example'], indent=2, ensure_ascii=False)}\n```"

    def _show_type(self, schema: Document) -> str:
        """Say in a few words what fits a schema."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        if "anyOf" in schema:
            return " or ".join(self._show_type(one) for one in schema["anyOf"])
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in schema["enum"])
        if "const" in schema:
            return f"`{schema['const']}`"
        kind = schema.get("type", "any")
        shown = " or ".join(kind) if isinstance(kind, list) else str(kind)
        if kind == "array":
            shown = f"array of {self._show_type(schema.get('items', {}))}"
        limits = [f"{schema[key]}" for key in ("minimum", "maximum") if key in schema]
        if len(limits) == 2:
            shown += f", {limits[0]} to {limits[1]}"
        if "pattern" in schema:
            shown += f", `{schema['pattern']}`"
        return shown

    def _resolve(self, node: Document) -> Document:
        """Return what a reference leads to; anything else as it is."""
        if "$ref" not in node:
            return node
        found: Any = self._contract
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        resolved: Document = found
        return resolved


def find_description(node: Document) -> str:
    """Return what is said of a parameter or member, with its example."""
    example = f" Such as `{node['example']}`." if isinstance(node.get("example"), str | int) else ""
    return f"{node.get('description', '').strip()}{example}".strip()


def render_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table with an empty line before it; a bar within a cell does not end it."""
    yield f"\n| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def read_contract() -> Document:
    """Read the contract as it stands beside this module."""
    contract: Document = yaml.safe_load((Path(__file__).parent / "openapi.yaml").read_text())
    return contract


if __name__ == "__main__":
    sys.stdout.write(Reference(read_contract()).render())
