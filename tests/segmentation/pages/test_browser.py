"""Pages in a real browser: complete, usable without JavaScript, accessible.  ``make browser`` installs it."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cladeseg.segmentation.pages import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright; make browser")
CHROMIUM = shutil.which(os.environ.get("CLADESEG_CHROMIUM", "chromium"))
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium; make browser"),
    pytest.mark.timeout(300),
]
#: WebGL 2 without a graphics card; nothing of the machine is asked for over the network.
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
AXE = Path(__file__).parents[3] / ".venv" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two evaluated runs; the second lost one case."""
    from page_runs import SHIFTS, evaluated_run

    from cladeseg.taxonomy import Node, Taxonomy

    tree = Taxonomy(
        "heart",
        (
            Node("background", values={"acdc": 0}),
            Node("heart"),
            Node("right_ventricle", "heart", {"acdc": 1}),
            Node("left_heart", "heart"),
            Node("myocardium", "left_heart", {"acdc": 2}),
            Node("left_ventricle", "left_heart", {"acdc": 3}),
        ),
    )
    folder = tmp_path_factory.mktemp("runs")
    first = evaluated_run(folder / "A", tree, SHIFTS, history=True)
    return Path(first.root), Path(evaluated_run(folder / "B", tree, {**SHIFTS, "f": 4}).root)


@pytest.fixture(scope="module")
def page_file(runs: tuple[Path, Path]) -> Path:
    return write_report([runs[0]])


@pytest.fixture(scope="module")
def comparison(runs: tuple[Path, Path]) -> Path:
    return write_report(runs, runs[0].parent / "comparison.html")


@pytest.fixture(scope="module")
def quality(tmp_path_factory: pytest.TempPathFactory, runs: tuple[Path, Path]) -> Path:
    """The page of predictions, of which one case stands out."""
    from page_runs import NASTY, predicted_folder

    from cladeseg.segmentation.pages.page_record import read_record

    tree = read_record(runs[0] / "eval")[1]
    volumes = {"left_ventricle": [0.9, 1.0, 1.08, 1.2, 1.3]}
    return write_report([predicted_folder(tmp_path_factory.mktemp("masks"), tree, {"a": 0, NASTY: 6}, volumes)])


def opened(browser: Any, file: Path, **options: Any) -> tuple[Any, list[str]]:
    """A tab with a page, and what went wrong in it or left it."""
    tab, wrong = browser.new_page(**options), []
    tab.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on(
        "request",
        lambda asked: None if asked.url.startswith(("data:", "blob:", file.as_uri())) else wrong.append(asked.url),
    )
    tab.goto(file.as_uri())
    return tab, wrong


def first_column(tab: Any, table: str) -> list[str]:
    return tab.locator(f"#{table} tbody tr:visible > :first-child").all_text_contents()


def canvas(tab: Any) -> np.ndarray:
    import io

    from PIL import Image

    tab.wait_for_timeout(700)
    return np.asarray(Image.open(io.BytesIO(tab.locator("#viewer-canvas").screenshot())).convert("RGB")).astype(int)


def test_pages_open_without_network_and_without_error(browser, page_file, comparison, quality):
    for file in (page_file, comparison, quality):
        assert opened(browser, file)[1] == []


def test_the_viewer_draws_and_a_structures_switch_changes_it(browser, page_file):
    tab, wrong = opened(browser, page_file)
    tab.click("#viewer-open")
    tab.locator("#viewer-status").filter(has_text="is shown").wait_for(timeout=90_000)
    before = canvas(tab)
    assert before.std() > 10
    tab.locator(".viewer label.node", has_text="left_ventricle").locator("input").uncheck()
    after = canvas(tab)
    assert (np.abs(after - before).max(axis=2) > 20).mean() > 0.001
    tab.locator(".viewer label.node", has_text=re.compile("^heart")).locator("input").uncheck()
    assert not tab.locator(".viewer label.node input:checked").count()
    tab.locator("[name=viewer-layer][value=none]").check()
    canvas(tab)
    assert wrong == []


def test_a_heading_sorts_and_the_filter_keeps_what_it_names(browser, page_file):
    tab, _ = opened(browser, page_file)
    heading = tab.get_by_role("button", name="mean leaf Dice")
    heading.click()
    worst_first = first_column(tab, "every-case-table")
    heading.click()
    assert first_column(tab, "every-case-table")[0] in {"a", "f"}
    assert worst_first[0] == "<script>alert(1)</script>"
    tab.get_by_label("Filter rows").fill("script")
    assert first_column(tab, "every-case-table") == ["<script>alert(1)</script>"]
    assert tab.locator("[data-count]").text_content() == "1 of 8 rows"


def test_the_comparison_shows_the_planted_regression_first(browser, comparison):
    tab, _ = opened(browser, comparison)
    assert first_column(tab, "every-case-table")[0] == "f"


def test_tables_and_pictures_stand_without_javascript(browser, page_file):
    tab, _ = opened(browser, page_file, java_script_enabled=False)
    assert tab.locator("#every-case-table tbody tr:visible").count() == 8
    assert tab.locator(".panels img:visible").count() > 20
    assert tab.locator("#viewer:visible").count() == 0
    assert tab.locator(".no-script:visible").count() == 1


def test_marks_and_comments_are_kept_and_exported(browser, quality, tmp_path):
    tab, wrong = opened(browser, quality)
    assert tab.locator("#marks-status").text_content() == "0 of 2 cases are marked."
    tab.get_by_label("redo <script>alert(1)</script>").check()
    tab.get_by_label("Comment on <script>alert(1)</script>").fill('=1+1 says "no", really')
    tab.get_by_label("keep a", exact=True).check()
    tab.reload()
    assert tab.locator("#marks-status").text_content() == "2 of 2 cases are marked."
    assert tab.get_by_label("redo <script>alert(1)</script>").is_checked()
    tab.get_by_label("open a", exact=True).check()
    assert tab.locator("#marks-status").text_content() == "1 of 2 cases are marked."
    with tab.expect_download() as saved:
        tab.click("#marks-export")
    saved.value.save_as(tmp_path / "marks.csv")
    with (tmp_path / "marks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    # What a spreadsheet would take for a formula has an apostrophe before it.
    assert rows == [
        ["case", "mark", "comment"],
        ["<script>alert(1)</script>", "redo", '\'=1+1 says "no", really'],
        ["a", "", ""],
    ]
    assert wrong == []


def test_what_stands_out_is_first_without_javascript_too(browser, quality):
    tab, _ = opened(browser, quality, java_script_enabled=False)
    assert first_column(tab, "every-case-table") == ["<script>alert(1)</script>", "a"]
    assert tab.locator("#marks .no-script:visible").count() == 1
    assert tab.locator(".panels img:visible").count() == 2 * 2 * 3


def test_a_page_prints_without_what_only_a_screen_can_show(browser, page_file):
    tab, _ = opened(browser, page_file)
    tab.emulate_media(media="print", color_scheme="dark")
    assert not tab.locator("nav:visible, #viewer:visible, .filter:visible").count()
    assert tab.locator("#every-case-table tbody tr:visible").count() == 8
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_nothing_is_wider_than_a_phone(browser, page_file, comparison, quality):
    for file in (page_file, comparison, quality):
        tab, _ = opened(browser, file, viewport={"width": 400, "height": 800}, bypass_csp=True)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core; make browser")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, page_file, comparison, quality, scheme):
    for file in (page_file, comparison, quality):
        tab, _ = opened(browser, file, bypass_csp=True, color_scheme=scheme)
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        found = tab.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        assert [v["id"] for v in found["violations"] if v["impact"] in {"serious", "critical"}] == []
