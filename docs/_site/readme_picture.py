"""Draws the README's picture: truth, coarse label and prediction of a case that the shipped weights never saw.

python docs/_site/readme_picture.py ../shared/data/hippocampus
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from cladeseg import Taxonomy, load_predictor, load_taxonomy
from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import read_json
from cladeseg.report import case_slices
from cladeseg.segmentation.pages.stored_case import keep_case, structure_box
from cladeseg.volumes import read_volume

PICTURE = Path(__file__).parents[1] / "images" / "hippocampus_held_out.webp"
SLICES = 2


def main(data: Path) -> None:
    """Draw the first test case of the weights' own split."""
    bundle = find_bundle("hippocampus")
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    case = read_json(bundle / "models" / "datalist.json")["test"][0]
    image_file = case["image"] if isinstance(case["image"], str) else case["image"][0]
    truth = tree.to_nodes(read_volume(data / case["label"]).voxels, "msd")
    predicted = tree.to_nodes(np.asarray(load_predictor(bundle)(data / image_file)[0]), "msd")
    coarse = np.where(truth == tree.background, tree.background, tree.index("hippocampus"))
    scan = read_volume(data / image_file)
    draw(scan.voxels, scan.grid.affine, (truth, coarse, predicted), tree)


def draw(image: np.ndarray, affine: np.ndarray, maps: tuple[np.ndarray, ...], tree: Taxonomy) -> None:
    """A row for each slice: the image, and each map as pages draw it."""
    box = structure_box(maps[:1], affine, tree)
    cases = [keep_case(image, nodes, affine, tree, box=box) for nodes in maps]
    rows = [case_slices(c.image, c.prediction, tree, spacing=c.spacing, slices=SLICES) for c in cases]
    titles = ("image", "truth", "coarse label", "prediction")
    figure, axes = plt.subplots(SLICES, len(titles), figsize=(7, 5.1), squeeze=False)
    for number, row in enumerate(axes):
        pictures = [rows[0][number][0].picture, *(panels[number][1].picture for panels in rows)]
        for axis, picture, title in zip(row, pictures, titles, strict=True):
            axis.imshow(picture)
            axis.set_axis_off()
            if number == 0:
                axis.set_title(title)
    figure.tight_layout(pad=0.4)
    figure.savefig(PICTURE, dpi=110, pil_kwargs={"quality": 92, "method": 6})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
