"""Trees from JSON and YAML files, and the files that are refused."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from cladeseg.taxonomy import Taxonomy, TaxonomyError, load_taxonomy, parse_taxonomy

BUNDLES = Path(__file__).parents[2] / "bundles"

CONTENT = {
    "name": "acdc",
    "allowed_flips": ["left-right"],
    "nodes": [
        {"name": "background", "values": {"acdc": 0}},
        {"name": "heart", "colour": "#ffd166"},
        {"name": "ventricle", "parent": "heart", "values": {"acdc": 1}},
        {"name": "muscle", "parent": "heart", "values": {"acdc": 2}},
    ],
}
YAML = """
name: acdc
allowed_flips: [left-right]
nodes:
  - {name: background, values: {acdc: 0}}
  - {name: heart, colour: "#ffd166"}
  - {name: ventricle, parent: heart, values: {acdc: 1}}
  - {name: muscle, parent: heart, values: {acdc: 2}}
"""


def test_json_and_yaml_files_give_the_same_tree(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "t.yaml").write_text(YAML)
    (tmp_path / "t.yml").write_text(YAML)
    tree = load_taxonomy(tmp_path / "t.json")
    assert tree == load_taxonomy(tmp_path / "t.yaml") == load_taxonomy("t.yml", root=tmp_path)
    assert tree.names == ("background", "ventricle", "muscle", "heart", "root")
    assert tree.allowed_flips == ("left-right",)


def test_the_shipped_acdc_tree_is_the_documented_one(acdc_tree: Taxonomy) -> None:
    shipped = load_taxonomy("configs/taxonomy.json", root=BUNDLES / "acdc_subclass_segmentation")
    assert (shipped.names, shipped.parent) == (acdc_tree.names, acdc_tree.parent)
    assert shipped.values("acdc") == acdc_tree.values("acdc")


@pytest.mark.parametrize(
    ("name", "text"),
    [("missing.json", None), ("broken.json", "{"), ("broken.yaml", "a: [1"), ("empty.yaml", ""), ("list.json", "[]")],
)
def test_an_unreadable_file_is_refused_by_its_path(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(TaxonomyError, match=name):
        load_taxonomy(tmp_path / name)


@pytest.mark.parametrize("path", ["../t.json", "configs/../../t.json", "{outside}", "link.json"])
def test_a_bundles_tree_outside_its_folder_is_refused_by_its_path(tmp_path: Path, path: str) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "bundle" / "configs").mkdir(parents=True)
    (tmp_path / "bundle" / "link.json").symlink_to(tmp_path / "t.json")
    path = path.format(outside=tmp_path / "t.json")
    with pytest.raises(TaxonomyError, match=rf"^{re.escape(path)}: a bundle names only files inside its own folder"):
        load_taxonomy(path, tmp_path / "bundle")


def test_a_linked_bundle_finds_its_tree(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "link").symlink_to(tmp_path / "bundle", target_is_directory=True)
    assert load_taxonomy("t.json", tmp_path / "link").name == CONTENT["name"]


def test_an_impossible_tree_in_a_file_is_refused_by_path_and_node(tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["nodes"][3]["parent"] = "hart"
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(TaxonomyError, match=r"t\.json: node 'muscle': its parent 'hart'"):
        load_taxonomy(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodez": []}, "unknown key 'nodez'"),
        ({"name": None}, "needs a 'name'"),
        ({"nodes": {"background": 0}}, "a list 'nodes'"),
        ({"nodes": ["background"]}, "every node needs a 'name'; got 'background'"),
        ({"nodes": [{"parent": "heart"}]}, "every node needs a 'name'"),
        ({"nodes": [{"name": "heart", "color": "#ffd166"}]}, "node 'heart': unknown key 'color'"),
        ({"nodes": [{"name": "heart", 3: 4}]}, "node 'heart': unknown key '3'"),
        ({"nodes": [{"name": "heart", "values": [1]}]}, "node 'heart': 'values' maps label convention names"),
        ({"allowed_flips": "left-right"}, "'allowed_flips' is a list of axes, not 'left-right'"),
        ({"allowed_flips": None}, "'allowed_flips' is a list"),
        ({"allowed_flips": ["left"]}, "'left' is no anatomical axis"),
    ],
)
def test_a_misspelt_or_missing_entry_is_refused(change: dict, message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        parse_taxonomy(CONTENT | change)
