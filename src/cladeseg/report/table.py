"""The summary of an evaluation as a table, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from cladeseg.taxonomy import Taxonomy

_UNDEFINED = "–"
_MEAN_LEAF = "mean of leaves"


def metrics_table(
    summary: Mapping[str, Any],
    *,
    title: str,
    baseline: Mapping[str, Any] | None = None,
    labels: tuple[str, str] = ("ours", "baseline"),
    taxonomy: Taxonomy | None = None,
) -> Table:
    """Table with one row for each structure and the mean over the leaves last.

    Args:
        summary: what :func:`~cladeseg.segmentation.metrics.summarise` returns; lesion-wise scores, means per case, are
            shown if it has them.
        title: printed above the table.
        baseline: summary of another method; Dice and IoU of both then stand side by side, and the distances give way.
        labels: what the columns call the two methods.
        taxonomy: if given, rows follow the tree, children indented under their parents.
    """
    table = Table(title=title)
    if baseline is None:
        columns = ["Dice [95 % CI]", "IoU", "HD95 mm", "ASSD mm", "NSD", *_lesion_columns(summary), "n", "status"]
    else:
        columns = [f"{metric} {label}" for metric in ("Dice", "IoU") for label in labels]
    table.add_column("structure", no_wrap=True)
    for column in columns:
        table.add_column(Text(column), justify="right")
    for name, shown in _rows(summary, taxonomy).items():
        cells = _cells(summary, name) if baseline is None else _paired_cells(summary, baseline, name)
        # Text, because a plain string could be read as markup.
        table.add_row(*map(Text, [shown, *cells]))
    table.add_section()
    table.add_row(*map(Text, [_MEAN_LEAF, *_mean_cells(summary, baseline)]))
    return table


def metrics_markdown(summaries: Mapping[str, Mapping[str, Any]], taxonomy: Taxonomy) -> str:
    """Markdown table of Dice and IoU, one row for each structure and two columns for each method.

    Args:
        summaries: label of each method → its summary.
        taxonomy: the label tree, which gives the order of the rows.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> tree = Taxonomy("lung", (Node("background", values={"lung": 0}), Node("tumour", values={"lung": 1})))
        >>> scores = {"dice": {"mean": 0.75}, "iou": {"mean": 0.6}}
        >>> summary = {"nodes": {"tumour": scores}, "mean_leaf": {"dice": 0.75, "iou": 0.6}}
        >>> print(metrics_markdown({"ours": summary}, tree), end="")
        | structure | ours Dice | ours IoU |
        | --- | ---: | ---: |
        | tumour | 0.750 | 0.600 |
        | **mean of leaves** | 0.750 | 0.600 |
    """
    header = ["structure", *(f"{label} {metric}" for label in summaries for metric in ("Dice", "IoU"))]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for name, shown in _rows({}, taxonomy).items():
        nodes = [summary["nodes"].get(name, {}) for summary in summaries.values()]
        lines.append([shown.replace("  ", "&emsp;"), *(_mean(node, m, 3) for node in nodes for m in ("dice", "iou"))])
    means = [_number(summary["mean_leaf"][m], 3) for summary in summaries.values() for m in ("dice", "iou")]
    lines.append([f"**{_MEAN_LEAF}**", *means])
    return "".join(f"| {' | '.join(_escaped(line))} |\n" for line in lines)


def _escaped(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def _rows(summary: Mapping[str, Any], taxonomy: Taxonomy | None) -> dict[str, str]:
    """Structure → how its row is headed, in the order of the rows."""
    if taxonomy is None:
        return {name: name for name in summary["nodes"]}
    # Paths from the root sort parents before their children, and siblings by index.
    order = sorted(range(1, taxonomy.root), key=taxonomy.path)
    return {taxonomy.names[v]: "  " * (taxonomy.depth[v] - 1) + taxonomy.names[v] for v in order}


def _cells(summary: Mapping[str, Any], name: str) -> list[str]:
    node = summary["nodes"].get(name, {})
    statuses = ", ".join(f"{count} {status}" for status, count in node.get("status_counts", {}).items() if count)
    return [
        _mean_with_interval(node),
        *(_mean(node, metric, digits) for metric, digits in (("iou", 3), ("hd95_mm", 2), ("assd_mm", 2), ("nsd", 3))),
        *(_mean(node, metric, digits) for metric, digits in _lesion_columns(summary).values()),
        str(node.get("dice", {}).get("n", 0)),
        statuses or _UNDEFINED,
    ]


def _lesion_columns(summary: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Heading → (metric, digits); none where lesions were not scored."""
    measured = any("lesion_dice" in node for node in summary["nodes"].values())
    columns = {"lesion Dice": ("lesion_dice", 3), "missed": ("lesions_missed", 1), "spurious": ("lesions_spurious", 1)}
    return columns if measured else {}


def _paired_cells(summary: Mapping[str, Any], baseline: Mapping[str, Any], name: str) -> list[str]:
    nodes = [each["nodes"].get(name, {}) for each in (summary, baseline)]
    return [*map(_mean_with_interval, nodes), *(_mean(node, "iou", 3) for node in nodes)]


def _mean_cells(summary: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[str]:
    methods = [summary] if baseline is None else [summary, baseline]
    return [_number(method["mean_leaf"][metric], 3) for metric in ("dice", "iou") for method in methods]


def _mean_with_interval(node: Mapping[str, Any]) -> str:
    low, high = node.get("dice", {}).get("ci95", (None, None))
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return _mean(node, "dice", 3) + interval


def _mean(node: Mapping[str, Any], metric: str, digits: int) -> str:
    return _number(node.get(metric, {}).get("mean"), digits)


def _number(value: float | None, digits: int) -> str:
    return _UNDEFINED if value is None else f"{value:.{digits}f}"
