"""Integers of label files: what they become, how they come back, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.taxonomy import LabelValueError, Node, Taxonomy, TaxonomyError


def volume(values: list[int], dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(values, dtype), size=(7, 5, 3))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize(("label_convention", "values"), [("brats18", [0, 1, 2, 4]), ("brats23", [0, 1, 2, 3])])
def test_label_conventions_round_trip(
    brats_tree: Taxonomy, label_convention: str, values: list[int], dtype: str
) -> None:
    label = volume(values, dtype)
    nodes = brats_tree.to_nodes(label, label_convention)
    back = brats_tree.from_nodes(nodes, label_convention)
    assert (nodes.dtype, nodes.shape, back.dtype) == (np.uint8, label.shape, np.uint8)
    np.testing.assert_array_equal(back, label)


@pytest.mark.parametrize("seed", range(3))
def test_acdc_round_trips_and_its_nodes_are_leaf_indices(acdc_tree: Taxonomy, seed: int) -> None:
    label = volume([0, 1, 2, 3], seed=seed)
    nodes = acdc_tree.to_nodes(label, "acdc")
    np.testing.assert_array_equal(nodes, label)  # this tree lists its leaves in the order of ACDC's integers
    np.testing.assert_array_equal(acdc_tree.from_nodes(nodes, "acdc"), label)


def test_one_segmentation_in_two_label_conventions_gives_one_node_map(brats_tree: Taxonomy) -> None:
    brats18 = volume([0, 1, 2, 4])
    brats23 = np.where(brats18 == 4, 3, brats18)
    nodes = brats_tree.to_nodes(brats18, "brats18")
    np.testing.assert_array_equal(nodes, brats_tree.to_nodes(brats23, "brats23"))
    np.testing.assert_array_equal(brats_tree.from_nodes(nodes, "brats23"), brats23)


def test_non_contiguous_and_empty_volumes_translate(brats_tree: Taxonomy) -> None:
    label = np.asfortranarray(volume([0, 1, 2, 4]))[::-1, :, ::2]
    nodes = brats_tree.to_nodes(label, "brats18")
    np.testing.assert_array_equal(brats_tree.from_nodes(nodes, "brats18"), label)
    assert brats_tree.to_nodes(np.zeros((0, 3), np.uint8), "brats18").shape == (0, 3)


def test_a_coarse_value_becomes_its_superclass() -> None:
    tree = Taxonomy(
        "t",
        (
            Node("background", values={"d": 0}),
            Node("tumour", values={"d": 9}),
            Node("solid", "tumour", {"d": 1}),
            Node("cyst", "tumour", {"d": 2}),
        ),
    )
    nodes = tree.to_nodes(np.array([0, 9, 2]), "d")
    assert [tree.names[v] for v in nodes] == ["background", "tumour", "cyst"]
    np.testing.assert_array_equal(tree.from_nodes(nodes, "d"), [0, 9, 2])


def test_large_values_and_large_trees_get_sixteen_bits() -> None:
    leaves = tuple(Node(f"n{i}", values={"d": 65535 - i}) for i in range(256))
    tree = Taxonomy("large", (Node("background", values={"d": 0}), *leaves))
    label = volume([0, 65535, 65280, 65400], "uint16")
    nodes = tree.to_nodes(label, "d")
    assert nodes.dtype == np.uint16
    assert tree.from_nodes(nodes, "d").dtype == np.uint16
    np.testing.assert_array_equal(tree.from_nodes(nodes, "d"), label)


@pytest.mark.parametrize("dtype", ["int16", "int64", "float32"])
def test_an_unknown_value_is_named_with_count_source_and_fitting_label_convention(
    brats_tree: Taxonomy, dtype: str
) -> None:
    label = np.zeros((4, 4, 4), dtype)
    label[0, 0, :3] = 4
    with pytest.raises(LabelValueError) as error:
        brats_tree.to_nodes(label, "brats23", "case_7/seg.nii.gz")
    message = str(error.value)
    assert message.startswith("case_7/seg.nii.gz: value 4 (3 voxels) is not defined by the label convention 'brats23'")
    assert "3 = enhancing" in message
    assert message.endswith("its values fit the label convention 'brats18'")


@pytest.mark.parametrize("value", [-1, 3, 5, 255, 70000, -300])
def test_gaps_negative_and_large_values_are_unknown(brats_tree: Taxonomy, value: int) -> None:
    label = np.array([0, 4, value, value])
    with pytest.raises(LabelValueError, match=rf"value {value} \(2 voxels\)"):
        brats_tree.to_nodes(label, "brats18")


def test_no_label_convention_is_suggested_where_none_fits(brats_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError) as error:
        brats_tree.to_nodes(np.array([0, 3, 4]), "brats18")
    assert "fit" not in str(error.value)


def test_an_image_given_as_a_label_gives_a_short_message(acdc_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError, match="and 988 more") as error:
        acdc_tree.to_nodes(np.arange(1000), "acdc")
    assert len(str(error.value)) < 500


def test_near_integers_are_rounded(acdc_tree: Taxonomy) -> None:
    label = np.array([0.0, 0.9995, 2.0004, 3.0])
    np.testing.assert_array_equal(acdc_tree.to_nodes(label, "acdc"), [0, 1, 2, 3])


def test_fractions_are_refused_with_count_and_example(acdc_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError, match=r"seg\.nii: 2 voxels hold no integer, e\.g\. 0\.5"):
        acdc_tree.to_nodes(np.array([0.0, 0.5, 1.998, 3.0]), "acdc", "seg.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(acdc_tree: Taxonomy, bad: float) -> None:
    with pytest.raises(LabelValueError, match=r"seg\.nii: 1 voxels are not finite"):
        acdc_tree.to_nodes(np.array([0.0, bad], np.float32), "acdc", "seg.nii")


@pytest.mark.parametrize("name", ["heart", "left_heart", "root"])
def test_a_node_without_an_integer_cannot_be_written(acdc_tree: Taxonomy, name: str) -> None:
    nodes = np.array([0, 1, acdc_tree.index(name)], np.uint8)
    with pytest.raises(LabelValueError, match=f"label convention 'acdc' has no integer for {name}"):
        acdc_tree.from_nodes(nodes, "acdc")


def test_label_conventions_are_listed_and_unknown_ones_refused(brats_tree: Taxonomy) -> None:
    assert brats_tree.label_conventions == ("brats18", "brats23")
    assert brats_tree.fitting_label_conventions([0, 1]) == ("brats18", "brats23")
    assert brats_tree.fitting_label_conventions([3]) == ("brats23",)
    with pytest.raises(TaxonomyError, match="has no label convention 'msd'; it has brats18, brats23"):
        brats_tree.values("msd")
