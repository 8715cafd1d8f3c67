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
from cladeseg.report.overlay import overlay_slice
from cladeseg.segmentation.volumes import read_volume

PICTURE = Path(__file__).parents[1] / "images" / "hippocampus_held_out.png"
#: Slices of the structure, as shares of its extent from back to front.
LEVELS = (0.3, 0.5, 0.7)


def main(data: Path) -> None:
    """Draw the first test case of the weights' own split."""
    bundle = find_bundle("hippocampus")
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    case = read_json(bundle / "models" / "datalist.json")["test"][0]
    image_file = case["image"] if isinstance(case["image"], str) else case["image"][0]
    truth = tree.to_nodes(read_volume(data / case["label"]).voxels, "msd")
    predicted = tree.to_nodes(np.asarray(load_predictor(bundle)(data / image_file)[0]), "msd")
    coarse = np.where(truth == tree.background, tree.background, tree.index("hippocampus"))
    draw(read_volume(data / image_file).voxels, (truth, coarse, predicted), tree)


def draw(image: np.ndarray, maps: tuple[np.ndarray, ...], tree: Taxonomy) -> None:
    """A row for each map, a column for each sagittal slice."""
    inside = np.flatnonzero((maps[0] != tree.background).any((1, 2)))
    levels = [int(inside[0] + share * (inside[-1] - inside[0])) for share in LEVELS]
    titles = ("image", "truth", "coarse label", "prediction")
    figure, axes = plt.subplots(len(levels), len(titles), figsize=(8, 4.6), squeeze=False)
    empty = np.full_like(maps[0], tree.background)
    for row, level in zip(axes, levels, strict=True):
        for axis, nodes, title in zip(row, (empty, *maps), titles, strict=True):
            axis.imshow(overlay_slice(image[level], nodes[level], tree), interpolation="nearest")
            axis.set_axis_off()
            if level == levels[0]:
                axis.set_title(title)
    figure.tight_layout(pad=0.4)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
