"""Draws where everything runs on AWS: `python docs/diagrams/architecture.py` writes architecture.svg beside it.

Three zones are columns, what runs in them is rows; lines run on buses between the rows, so that none crosses a box.
"""

from html import escape
from pathlib import Path

_GREY, _RED = "#51606e", "#a83f3f"
_BLUE_FILL, _GREEN_FILL, _SAND_FILL, _RED_FILL, _VIOLET_FILL = "#e3eefb", "#e6f5e6", "#fdf0dc", "#f9e3e3", "#efe6fa"
_ZONES = {"zone a": 60, "zone b": 320, "zone c": 580}
_ZONE_WIDTH, _BOX_WIDTH, _WORKER_WIDTH, _BOX_HEIGHT = 240, 200, 150, 56
#: Tops of the rows, and the buses between them.
_BALANCER, _API, _WORKER, _STORE = 255, 365, 500, 650
_REQUESTS, _HTTP, _CALLS, _RECORDS = 205, 338, 460, 615
_ENDPOINTS_LEFT, _ENDPOINTS_WIDTH, _SERVICES_LEFT = 850, 120, 1020


def draw() -> str:
    """Return the picture as SVG."""
    parts = [
        _frame(20, 150, 1220, 640, "one AWS region", fill="none"),
        _frame(40, 178, 950, 592, "VPC: private and data subnets have no way to the internet", fill="#f7f9fb"),
        _box(60, 40, 200, "Route 53", "name of the API"),
        _box(320, 40, 240, "WAF", "limit per address, bad requests", height=_BOX_HEIGHT),
        _text(440, 22, "clients, HTTPS", anchor="middle"),
        _arrow((440, 28), (440, 40)),
        _line([(440, 96), (440, _REQUESTS), (_middle("zone a"), _REQUESTS)]),
        _line([(440, _REQUESTS), (_middle("zone c"), _REQUESTS)]),
        _text(452, 125, "requests"),
    ]
    for name, left in _ZONES.items():
        parts += _zone(name, left)
    parts += _buses()
    parts += _services()
    return _document(1260, 810, parts)


def _zone(name: str, left: int) -> list[str]:
    x = left + 20
    middle, beside = _middle(name), x + 185
    worker = (
        ("interactive worker", "ECS task, private") if name != "zone c" else ("interactive, bulk", "ECS tasks, private")
    )
    store = "Valkey, primary" if name == "zone a" else "Valkey, replica"
    return [
        _frame(left, 225, _ZONE_WIDTH, 530, name, dashed=True, fill="white"),
        _arrow((middle, _REQUESTS), (middle, _BALANCER)),
        _box(x, _BALANCER, _BOX_WIDTH, "load balancer", "TLS 1.3, public subnet", fill=_BLUE_FILL),
        _line([(middle, _BALANCER + _BOX_HEIGHT), (middle, _HTTP)]),
        _arrow((middle, _HTTP), (middle, _API)),
        _box(x, _API, _BOX_WIDTH, "API", "ECS task, private subnet", fill=_GREEN_FILL),
        _line([(x + 40, _API + _BOX_HEIGHT), (x + 40, _CALLS)]),
        _line([(x + 100, _WORKER), (x + 100, _CALLS)]),
        _box(x, _WORKER, _WORKER_WIDTH, *worker, fill=_SAND_FILL),
        _line([(beside, _API + _BOX_HEIGHT), (beside, _RECORDS)], color=_RED),
        _line([(x + 75, _WORKER + _BOX_HEIGHT), (x + 75, _RECORDS)], color=_RED),
        _box(x, _STORE, _BOX_WIDTH, store, "data subnet", fill=_RED_FILL),
    ]


def _buses() -> list[str]:
    a, b, c = (_middle(name) for name in _ZONES)
    level = _STORE + 36
    return [
        _line([(a, _HTTP), (c, _HTTP)]),
        _text(c + 8, _HTTP - 5, "to any zone"),
        _line([(_ZONES["zone a"] + 60, _CALLS), (_ENDPOINTS_LEFT - 8, _CALLS)]),
        _arrow((_ENDPOINTS_LEFT - 20, _CALLS), (_ENDPOINTS_LEFT, _CALLS)),
        _text(b - 53, _CALLS - 6, "messages, files, logs"),
        _line([(_ZONES["zone a"] + 95, _RECORDS), (_ZONES["zone c"] + 205, _RECORDS)], color=_RED),
        _arrow((a, _RECORDS), (a, _STORE), color=_RED),
        _text(b - 16, _RECORDS - 6, "records, TLS", color=_RED),
        _arrow((a + 100, level), (b - 100, level), color=_RED, dashed=True),
        _arrow((b + 100, level), (c - 100, level), color=_RED, dashed=True),
        _text(b - 100, _STORE + 78, "dashed: replication", color=_RED),
    ]


def _services() -> list[str]:
    services = [
        ("SQS", "interactive, bulk,", "a dead-letter queue each"),
        ("S3", "files of batches,", "access logs"),
        ("ECR", "images by digest", ""),
        ("Secrets Manager, KMS", "Valkey's address and token,", "the operator's token"),
        ("CloudWatch, SNS", "logs, alarms with runbooks,", "dashboard, scaling"),
    ]
    parts = [
        _box(_ENDPOINTS_LEFT, 240, _ENDPOINTS_WIDTH, "endpoints", "in each zone", height=500, fill="#e9edf1"),
    ]
    for number, lines in enumerate(services):
        top = 240 + 104 * number
        parts.append(_arrow((_ENDPOINTS_LEFT + _ENDPOINTS_WIDTH, top + 42), (_SERVICES_LEFT, top + 42)))
        parts.append(_box(_SERVICES_LEFT, top, 200, *lines, height=84, fill=_VIOLET_FILL))
    return parts


def _middle(zone: str) -> int:
    return _ZONES[zone] + _ZONE_WIDTH // 2


def _box(x: int, y: int, width: int, *lines: str, height: int = _BOX_HEIGHT, fill: str = "white") -> str:
    shown = [line for line in lines if line]
    first = y + height / 2 - 8 * (len(shown) - 1) + 4
    texts = [
        _text(x + width // 2, first + 17 * row, line, anchor="middle", bold=row == 0) for row, line in enumerate(shown)
    ]
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{fill}" stroke="{_GREY}"/>' + "".join(
        texts
    )


def _frame(x: int, y: int, width: int, height: int, title: str, *, fill: str, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    rectangle = (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{fill}" stroke="#9aa7b3"{dashes}/>'
    )
    return rectangle + _text(x + 12, y + 18, title, color=_GREY)


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, color: str = "#1d2733") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}"{weight}>{escape(text)}</text>'


def _line(points: list[tuple[int, int]], *, color: str = _GREY) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.4"/>'


def _arrow(start: tuple[int, int], end: tuple[int, int], *, color: str = _GREY, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    head = "red" if color == _RED else "grey"
    return (
        f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="{color}" stroke-width="1.4"'
        f'{dashes} marker-end="url(#{head})"/>'
    )


def _document(width: int, height: int, parts: list[str]) -> str:
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{color}"/></marker>'
        for name, color in (("grey", _GREY), ("red", _RED))
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    style = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
    background = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([f"{head} {style}>", f"<defs>{heads}</defs>", background, *parts, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
