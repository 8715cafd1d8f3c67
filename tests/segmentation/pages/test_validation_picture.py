"""TensorBoard's picture of a validation case: the one that the page draws."""

from __future__ import annotations

import pickle

import numpy as np
from page_runs import truth

from cladeseg.report import case_slices, contact_sheet
from cladeseg.segmentation.pages import ValidationPicture
from cladeseg.segmentation.pages.stored_case import keep_case, structure_box

#: Slices first and towards the feet, as the network may see a volume.
TURNED = np.array([[0, 0, 1.5, 0], [0, 2.0, 0, 0], [-8.0, 0, 0, 0], [0, 0, 0, 1]])


def test_it_is_what_the_page_shows_of_the_case(acdc_tree):
    nodes = np.moveaxis(truth(acdc_tree), 2, 0)
    found, image = np.roll(nodes, 1, axis=1), np.random.default_rng(0).normal(size=nodes.shape)
    picture = ValidationPicture(acdc_tree)(image, nodes, found, TURNED)
    box = structure_box([nodes, found], TURNED, acdc_tree)
    kept = keep_case(image, found, TURNED, acdc_tree, box=box, truth=nodes)
    rows = case_slices(kept.image, kept.prediction, acdc_tree, spacing=kept.spacing, truth=kept.truth)
    np.testing.assert_array_equal(picture, contact_sheet(rows))
    assert [panel.alt.split(",")[0] for panel in rows[0]] == ["image", "truth", "prediction", "error"]
    assert kept.spacing == (1.5, 2.0, 8.0)


def test_it_pickles(acdc_tree):
    nodes = truth(acdc_tree)
    draw = ValidationPicture(acdc_tree)
    case = (nodes.astype(float), nodes, nodes, np.eye(4))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(draw))(*case), draw(*case))
