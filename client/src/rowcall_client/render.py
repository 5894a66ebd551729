"""Predictions and models as lines and tables for people; colors and widths are the console's business."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rowcall_client.messages import describe_place
from rowcall_client.models import Feature, Model, ModelList
from rowcall_client.predictions import Prediction, RowOutput, Status

#: How many classes besides the predicted one are named.
OTHER_CLASSES = 3
#: Stands between the ends of a range, where a hyphen could be read as a minus.
RANGE_DASH = "\N{EN DASH}"


def render_prediction(prediction: Prediction) -> RenderableType:
    """A succeeded job: one line for one record, a table for an array; any other job: its status line."""
    if prediction.status is not Status.SUCCEEDED:
        return render_status(prediction)
    origin = Text("  ".join(part for part in (str(prediction.model), format_times(prediction)) if part), style="dim")
    if isinstance(prediction.output, RowOutput):
        answer, probability, others = render_output(prediction.output)
        shown = [part for part in (answer, probability, Text(f" ({others})") if others else Text()) if part]
        return Text("  ").join([*shown, origin])
    rows = prediction.row_outputs
    count = Text(f"{len(rows)} row{'' if len(rows) == 1 else 's'}  ", style="dim")
    return Group(render_rows(rows), count + origin) if rows else count + origin


def render_rows(outputs: Sequence[RowOutput]) -> Table:
    """A table of one line for each row, numbered from 1."""
    rendered = [render_output(output) for output in outputs]
    columns = ["prediction", "probability", "others"]
    while not any(cells[len(columns) - 1] for cells in rendered):
        columns.pop()
    table = make_table(*columns, number="row")
    for row_number, cells in enumerate(rendered, start=1):
        table.add_row(str(row_number), *cells[: len(columns)])
    return table


def render_output(output: RowOutput) -> tuple[Text, Text, Text]:
    """The prediction, its probability, and the runners-up of one row; the last two may be empty."""
    answer = Text(format_value(output.prediction), style="bold")
    if not output.probabilities:
        return answer, Text(), Text()
    chances = dict(output.probabilities)
    probability = chances.pop(str(output.prediction), None)
    others = sorted(chances.items(), key=lambda chance: -chance[1])
    names = [f"{name} {format_probability(chance)}" for name, chance in others[:OTHER_CLASSES]]
    more = [f"{len(others) - OTHER_CLASSES} more"] if len(others) > OTHER_CLASSES else []
    shown = Text(format_probability(probability)) if probability is not None else Text()
    return answer, shown, Text(", ".join(names + more), style="dim")


def render_status(prediction: Prediction) -> Text:
    """One line that says how far a job has come."""
    model = Text(f"  {prediction.model}", style="dim")
    return Text(f"{prediction.id}  {prediction.status}{describe_place(prediction)}") + model


def render_models(models: ModelList) -> RenderableType:
    """A table of the models that are served."""
    if not models.models:
        return Text("No model is served yet.")
    table = make_table("model", "versions", "features", "classes")
    for model in models:
        features = "\n".join(describe_feature(feature) for feature in model.features)
        table.add_row(
            Text(model.name, style="bold"), ", ".join(model.versions), features, ", ".join(model.classes) or "a number"
        )
    return table


def render_model(model: Model) -> Group:
    """Everything about one model, and a command to try it with."""
    facts = make_table("", "", headed=False)
    facts.add_row("model", Text(f"{model.name}/{model.version}", style="bold"))
    facts.add_row("about", Text(model.description))
    facts.add_row("versions", ", ".join(model.versions))
    facts.add_row("answers", ", ".join(model.classes) or "a number")
    facts.add_row("sha256", model.sha256)
    parts: list[RenderableType] = [facts, Text(), render_features(model.features)]
    if model.metrics:
        parts += [Text(), render_metrics(model.metrics)]
    if all(feature.example is not None for feature in model.features):
        examples = [f"{feature.name}={format_value(feature.example)}" for feature in model.features]
        parts += [Text(), Text(" ".join(["Try it:  rowcall predict", *examples, "--model", model.name]))]
    return Group(*parts)


def render_features(features: Sequence[Feature]) -> Table:
    """A table of the features with their hard and typical ranges."""
    table = make_table("feature", "type", "allowed", "typical", "about")
    for feature in features:
        typical = format_range(feature.typical_minimum, feature.typical_maximum)
        table.add_row(feature.name, feature.type, format_allowed(feature), typical, Text(feature.description))
    return table


def render_metrics(metrics: Mapping[str, object]) -> Table:
    """A table of what the evaluation measured; a nested group becomes names with a dot."""
    table = make_table("metric", "value")
    for name, value in flatten(metrics):
        table.add_row(Text(name), Text(format_value(value)))
    return table


def make_table(*columns: str, number: str | None = None, headed: bool = True) -> Table:
    """A table without frame, so that it can be read by programs as well; number: a first column of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=headed, header_style="dim")
    if number:
        table.add_column(number, justify="right")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def describe_feature(feature: Feature) -> str:
    """A feature with its range and unit, such as `height 100-250 cm`."""
    return f"{feature.name} {format_allowed(feature)}".rstrip()


def format_allowed(feature: Feature) -> str:
    """The values a feature may have: a range with its unit, or its categories."""
    if feature.categories:
        return " | ".join(feature.categories)
    return f"{format_range(feature.minimum, feature.maximum)} {feature.unit}".strip()


def format_range(minimum: float | None, maximum: float | None) -> str:
    """A range such as `100-250`, with a longer dash; a missing end is left open."""
    if minimum is None and maximum is None:
        return ""
    if maximum is None:
        return f"≥ {format_value(minimum)}"
    if minimum is None:
        return f"≤ {format_value(maximum)}"
    return f"{format_value(minimum)}{RANGE_DASH}{format_value(maximum)}"


def format_value(value: object) -> str:
    """A number without needless digits; anything else as it is."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def format_probability(probability: float) -> str:
    """A probability in percent, which never looks certain when it is not."""
    if 0 < probability < 0.0005:
        return "<0.1 %"
    if 0.9995 <= probability < 1:
        return ">99.9 %"
    return f"{probability * 100:.1f} %"


def format_times(prediction: Prediction) -> str:
    """How long a job was queued and predicted, such as `4 ms queue, 1 ms predict`."""
    durations = {"queue": prediction.times.queue_seconds, "predict": prediction.times.predict_seconds}
    return ", ".join(f"{format_seconds(seconds)} {name}" for name, seconds in durations.items() if seconds is not None)


def format_seconds(seconds: float) -> str:
    """A duration in the unit that reads best."""
    if seconds < 0.001:
        return "<1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def flatten(metrics: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """The leaves of nested metrics with their full names."""
    leaves: list[tuple[str, object]] = []
    for name, value in metrics.items():
        full_name = f"{prefix}{name}"
        leaves += flatten(value, f"{full_name}.") if isinstance(value, Mapping) else [(full_name, value)]
    return leaves
