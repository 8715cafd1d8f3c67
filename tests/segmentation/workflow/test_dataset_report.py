from __future__ import annotations

import io

from rich.console import Console, RenderableType

from cladeseg.segmentation.data import DatasetCheck, Finding, Inspection
from cladeseg.segmentation.workflow import dataset_table, findings_table, taxonomy_tree
from cladeseg.taxonomy import Node, Taxonomy


def text(shown: RenderableType, colours: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=160, force_terminal=colours, color_system="truecolor" if colours else None
    )
    console.print(shown)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_tree_shows_who_lies_under_whom_and_every_label_convention(brats_tree: Taxonomy) -> None:
    lines = text(taxonomy_tree(brats_tree)).splitlines()
    assert lines[0] == "brats (root: not annotated)"
    assert "└── ● whole_tumour" in lines
    assert "    └── ● tumour_core" in lines
    assert "        └── ● enhancing  brats18 4, brats23 3" in lines


def test_the_tree_shows_colours() -> None:
    tree = Taxonomy("t", (Node("background", values={"t": 0}), Node("a", values={"t": 1}, colour="#0a141e")))
    assert "\x1b[38;2;10;20;30m● " in text(taxonomy_tree(tree), colours=True)


def test_sizes_are_given_along_the_patient(acdc_tree: Taxonomy) -> None:
    slices_first = ((0, -1.5, 0, 0), (0, 0, 2.0, 0), (9.0, 0, 0, 0), (0, 0, 0, 1))
    plain = ((2.0, 0, 0, 0), (0, 2.5, 0, 0), (0, 0, 8.0, 0), (0, 0, 0, 1))
    inspections = [
        Inspection("one", (4, 50, 60), slices_first, (9.0, 1.5, 2.0), label_voxels={"heart": 3}),
        Inspection("two", (70, 80, 6), plain, (2.0, 2.5, 8.0)),
        Inspection("torn", findings=(Finding("fatal", "torn.nii.gz", "cannot be read"),)),
    ]
    cases = [{"case": i.case, "patient": i.case, "group": "G"} for i in inspections]
    shown = text(dataset_table(DatasetCheck(cases, inspections, [], 1, 1), acdc_tree))
    assert "left-right 1.5 to 2, posterior-anterior 2 to 2.5, inferior-superior 8 to 9" in shown
    assert "left-right 50 to 70, posterior-anterior 60 to 80, inferior-superior 4 to 6" in shown
    assert "heart in 1" in shown
    assert "3: G 3" in shown


def test_a_folder_without_a_readable_file_has_no_sizes(acdc_tree: Taxonomy) -> None:
    torn = Inspection("torn", findings=(Finding("fatal", "torn.nii.gz", "cannot be read"),))
    cases = [{"case": "torn", "patient": "p", "group": "G"}]
    assert "spacing in mm │ – " in text(dataset_table(DatasetCheck(cases, [torn], [], 0, 0), acdc_tree))


def test_findings_are_counted_and_named_by_their_path_in_the_folder() -> None:
    findings = [Finding("fatal", "/data/a/b.nii.gz", "is [bold]torn"), Finding("info", "/data/c.nii.gz", "is empty")]
    shown = text(findings_table(findings, "/data"))
    assert "1 fatal, 0 fixable, 1 info" in shown
    assert "│ fatal │ a/b.nii.gz │ is [bold]torn │" in shown


def test_no_finding_is_one_line() -> None:
    assert text(findings_table([], "/data")) == "nothing is wrong with any file\n"
