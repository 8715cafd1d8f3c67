from __future__ import annotations

import pytest
from rich.console import Console

from cladeseg.report import metrics_markdown, metrics_table
from cladeseg.segmentation.metrics import Record, summarise


def summary_of(tree, **dice):
    records = [
        Record(case, node, "dice", value, "ok") for node, values in dice.items() for case, value in values.items()
    ]
    records += [Record("c1", node, "iou", 0.5, "ok") for node in dice]
    return summarise(
        records, tree, patients={"c1": "p", "c2": "q"}, nesting_violations=0, tolerance_mm=2.0, resamples=100
    )


@pytest.fixture
def summary(acdc_tree):
    found = summary_of(acdc_tree, heart={"c1": 0.9, "c2": 0.7}, myocardium={"c1": 0.25})
    found["nodes"]["heart"]["status_counts"] = {"ok": 2, "both_empty": 0, "missed": 1, "spurious": 0}
    found["nodes"]["heart"]["hd95_mm"]["mean"] = 12.345
    return found


def printed(table) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def cells(lines: list[str], name: str) -> list[str]:
    line = next(line for line in lines if name in line)
    return [cell.strip() for cell in line.strip("│┃").split("│")][1:]


def test_each_structure_has_its_figures(summary):
    lines = printed(metrics_table(summary, title="Held-out cases"))
    assert "Held-out cases" in lines[0]
    assert cells(lines, "myocardium") == ["0.250 [0.250, 0.250]", "0.500", "–", "–", "–", "1", "1 ok"]
    assert cells(lines, "mean of leaves")[:2] == ["0.250", "0.500"]


def test_the_interval_and_what_was_missed_are_shown(summary, acdc_tree):
    lines = printed(metrics_table(summary, title="t", taxonomy=acdc_tree))
    assert cells(lines, " heart") == ["0.800 [0.700, 0.900]", "0.500", "12.35", "–", "–", "2", "2 ok, 1 missed"]


def test_lesion_wise_scores_have_columns_where_they_were_measured(summary):
    assert "lesion Dice" not in "".join(printed(metrics_table(summary, title="t")))
    measured = {"lesion_dice": {"mean": 0.4}, "lesions_missed": {"mean": 1.5}, "lesions_spurious": {"mean": 2.0}}
    summary["nodes"]["heart"] |= measured
    lines = printed(metrics_table(summary, title="t"))
    assert cells(lines, " heart")[5:8] == ["0.400", "1.5", "2.0"]
    assert cells(lines, "myocardium")[5:8] == ["–", "–", "–"]


def test_rows_follow_the_tree_with_children_indented(summary, acdc_tree):
    table = metrics_table(summary, title="t", taxonomy=acdc_tree)
    names = [str(cell) for cell in table.columns[0].cells]
    assert names == [
        "heart",
        "  right_ventricle",
        "  left_heart",
        "    myocardium",
        "    left_ventricle",
        "mean of leaves",
    ]


def test_a_baseline_stands_beside(summary, acdc_tree):
    other = summary_of(acdc_tree, myocardium={"c1": 0.125})
    table = metrics_table(summary, title="t", baseline=other, labels=("mix", "fine only"), taxonomy=acdc_tree)
    headers = [str(column.header) for column in table.columns]
    assert headers == ["structure", "Dice mix", "Dice fine only", "IoU mix", "IoU fine only"]
    lines = printed(table)
    assert cells(lines, "myocardium") == ["0.250 [0.250, 0.250]", "0.125 [0.125, 0.125]", "0.500", "0.500"]
    assert cells(lines, "mean of leaves") == ["0.250", "0.125", "0.500", "0.500"]


def test_names_are_not_read_as_markup(summary):
    lines = printed(metrics_table(summary, title="t", baseline=summary, labels=("[bold]a[/bold]", "b")))
    assert any("Dice [bold]a[/bold]" in line for line in lines)


def test_the_markdown_is_exactly_this(summary, acdc_tree):
    other = summary_of(acdc_tree, heart={"c1": 0.5})
    assert metrics_markdown({"ours": summary, "a|b": other}, acdc_tree) == (
        "| structure | ours Dice | ours IoU | a\\|b Dice | a\\|b IoU |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| heart | 0.800 | 0.500 | 0.500 | 0.500 |\n"
        "| &emsp;right_ventricle | – | – | – | – |\n"
        "| &emsp;left_heart | – | – | – | – |\n"
        "| &emsp;&emsp;myocardium | 0.250 | 0.500 | – | – |\n"
        "| &emsp;&emsp;left_ventricle | – | – | – | – |\n"
        "| **mean of leaves** | 0.250 | 0.500 | – | – |\n"
    )
