"""Takes the pictures of pages that the docs show; needs the browser of `make browser`.

python docs/_site/page_pictures.py evaluation ONE.html quality_control ANOTHER.html comparison COMPARISON.html
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[1] / "images"
#: Page → the heading on top of its picture, and the picture's height in pixels.
TOPS = {"evaluation": ("cases", 860), "quality_control": ("every-case", 620), "comparison": ("forest-plot", 790)}
WIDTH = 920


def main(names: list[str], pages: list[Path]) -> None:
    """Write ``page_NAME.webp`` for each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, page in zip(names, pages, strict=True):
            heading, height = TOPS[name]
            tab = browser.new_page(viewport={"width": WIDTH, "height": height})
            tab.goto(page.resolve().as_uri())
            tab.locator(f"#{heading}").evaluate("section => section.scrollIntoView()")
            shot = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
            shot.save(IMAGES / f"page_{name}.webp", quality=92, method=6)


if __name__ == "__main__":
    main(sys.argv[1::2], [Path(page) for page in sys.argv[2::2]])
