"""Files of a cohort: what is read, and one clear error for each fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cladeseg.classes import class_tree, flat_class_tree
from cladeseg.files import DataError, read_json, write_json
from cladeseg.omics.data import draw_labels, hide_below, open_or_draw, read_dataset
from cladeseg.omics.data.draw import read_draw
from cladeseg.omics.phantoms import generate_omics, write_omics_phantom

TREE = Path(__file__).parents[3] / "bundles" / "omics_subtype_classification" / "configs" / "taxonomy.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_omics_phantom(tmp_path / "data", 40)


def edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    separator = "\t" if path.suffix == ".tsv" else ","
    change(pd.read_csv(path, sep=separator, dtype=str)).to_csv(path, sep=separator, index=False)


def test_names_of_features_and_patients_are_kept(folder: Path) -> None:
    cohort = read_dataset(folder, class_tree(TREE))
    assert cohort.omics == ("meth", "mirna", "mrna")
    assert cohort.features["mrna"][:2] == ("mrna_00", "mrna_01")
    tables, labels = generate_omics(40)
    assert np.allclose(cohort.values["mrna"], tables["mrna"].to_numpy(), atol=1e-3)
    assert [cohort.tree.names[v] for v in cohort.labels] == labels.tolist()


def test_the_npz_form_gives_the_same_cohort(folder: Path, tmp_path: Path) -> None:
    tables, labels = generate_omics(40)
    classes = sorted(set(labels))
    arrays = {n: t.to_numpy() for n, t in tables.items()} | {f"{n}_names": np.array(list(t)) for n, t in tables.items()}
    y = np.array([classes.index(v) for v in labels])
    np.savez(tmp_path / "all.npz", patient=np.array(labels.index, dtype=str), y=y, classes=np.array(classes), **arrays)
    one, other = read_dataset(folder, class_tree(TREE)), read_dataset(tmp_path / "all.npz", class_tree(TREE))
    assert one.patients == other.patients
    assert np.array_equal(one.labels, other.labels)
    assert np.allclose(one.values["meth"], other.values["meth"], atol=1e-3)


def test_parquet_and_anndata_and_mudata_give_the_same_cohort(folder: Path, tmp_path: Path) -> None:
    anndata, mudata = pytest.importorskip("anndata"), pytest.importorskip("mudata")
    pytest.importorskip("pyarrow")
    tables = {name: table.set_axis(table.index.astype(object)) for name, table in generate_omics(40)[0].items()}
    plain = {name: table.set_axis(table.columns.astype(object), axis=1) for name, table in tables.items()}
    other, several = tmp_path / "other", tmp_path / "several"
    for new in (other, several):
        new.mkdir()
        (new / "labels.csv").write_text((folder / "labels.csv").read_text())
    plain["mrna"].reset_index().to_parquet(other / "mrna.parquet", index=False)
    plain["mirna"].to_parquet(other / "mirna.parquet")  # the patients are its index
    with pd.option_context("future.infer_string", False):  # anndata does not write the texts of pandas 3
        anndata.AnnData(plain["meth"]).write_h5ad(other / "meth.h5ad")
        mudata.MuData({name: anndata.AnnData(table) for name, table in plain.items()}).write(several / "all.h5mu")
    expected = read_dataset(folder, class_tree(TREE))
    for found in (read_dataset(new, class_tree(TREE)) for new in (other, several)):
        assert found.patients == expected.patients
        assert found.features == expected.features
        assert np.array_equal(found.labels, expected.labels)
        assert all(np.allclose(found.values[name], expected.values[name], atol=1e-3) for name in expected.omics)
    plain["mrna"].reset_index().to_parquet(several / "mrna.parquet", index=False)
    with pytest.raises(DataError, match=r"'mrna' is there as .*mrna\.parquet and in all\.h5mu"):
        read_dataset(several, class_tree(TREE))


@pytest.mark.parametrize("name", ["mrna.parquet", "mrna.h5ad", "mrna.h5mu"])
def test_a_damaged_file_of_another_form_ends_in_one_error(folder: Path, name: str) -> None:
    for package in ("anndata", "mudata", "pyarrow"):
        pytest.importorskip(package)
    (folder / "mrna.csv").unlink()
    (folder / name).write_bytes(b"no table")
    with pytest.raises(DataError, match=rf"{name}: cannot be read"):
        read_dataset(folder, class_tree(TREE))


def test_patients_may_lack_an_omics_and_are_counted(folder: Path) -> None:
    edit(folder / "mrna.csv", lambda t: t.iloc[5:])
    counts = read_dataset(folder, class_tree(TREE)).counts()
    assert counts == {"patients": 40, "meth": 40, "mirna": 40, "mrna": 35, "complete": 35, "labelled": 40}


def test_superclasses_and_unknown_classes_are_labels_too(folder: Path) -> None:
    edit(folder / "labels.csv", lambda t: t.assign(label=["luminal", "", *t["label"][2:]]))
    cohort = read_dataset(folder, class_tree(TREE))
    assert [cohort.tree.names[v] for v in cohort.labels[:2]] == ["luminal", "root"]


def _twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[:1]])


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("mrna.csv", _twice, ["mrna.csv", "patient 'P000'", "twice"]),
        ("mrna.csv", lambda t: t.assign(mrna_03="high"), ["mrna.csv", "'mrna_03'", "'high'", "no number"]),
        ("mrna.csv", lambda t: t.assign(mrna_03="1.0"), ["mrna.csv", "'mrna_03'", "constant"]),
        (
            "meth.tsv",
            lambda t: t.assign(meth_01=["", *t["meth_01"][1:]]),
            ["meth.tsv", "'P000'", "'meth_01'", "missing"],
        ),
        ("mirna.csv", lambda t: t.assign(patient="x" + t["patient"]), ["mirna.csv", "'xP000'", "same names"]),
        ("labels.csv", _twice, ["labels.csv", "patient 'P000'", "twice"]),
        ("labels.csv", lambda t: t.assign(label="LumC"), ["'LumC'", "LumA, LumB", "luminal"]),
        ("labels.csv", lambda t: t.assign(patient="x" + t["patient"]), ["labels", "'xP000'"]),
        ("labels.csv", lambda t: t.assign(more=1), ["labels.csv", "3 columns"]),
    ],
)
def test_each_fault_ends_in_one_clear_error(
    file: str, change: Callable[[pd.DataFrame], pd.DataFrame], words: list[str], folder: Path
) -> None:
    edit(folder / file, change)
    with pytest.raises(DataError) as error:
        read_dataset(folder, class_tree(TREE), need_labels=True)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_a_feature_that_is_there_twice_is_named(folder: Path) -> None:
    lines = (folder / "mrna.csv").read_text().splitlines()
    lines[0] = lines[0].replace("mrna_05", "mrna_04")
    (folder / "mrna.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="feature 'mrna_04' is there twice"):
        read_dataset(folder)


@pytest.mark.parametrize("what", ["nothing", "no folder", "two npz", "two endings"])
def test_folders_without_a_clear_meaning_are_refused(what: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    if what == "two npz":
        for name in "ab":
            np.savez(folder / f"{name}.npz", patient=np.array(["p"]))
    if what == "two endings":
        (folder / "mrna.tsv").write_text("patient\ta\n")
    with pytest.raises(DataError):
        read_dataset(folder if what.startswith("two") else tmp_path / what)


def test_missing_values_are_taken_where_they_are_allowed(folder: Path) -> None:
    edit(folder / "meth.tsv", lambda t: t.assign(meth_01=["", *t["meth_01"][1:]]))
    cohort = read_dataset(folder, allow_missing=True)
    assert np.isnan(cohort.values["meth"][0, 1])


# ---- draws -----------------------------------------------------------------------------------------------------------


def drawn(folder: Path, **options: float) -> tuple:
    cohort = read_dataset(folder, class_tree(TREE))
    chosen = {"test": 0.25, "label_share": 0.5, "seed": 0, "draw": 0, **options}
    return cohort, draw_labels(cohort, **chosen)  # type: ignore[arg-type]


def test_larger_shares_hold_the_smaller_ones_and_the_test_part_stays(folder: Path) -> None:
    _, few = drawn(folder, label_share=0.3)
    _, many = drawn(folder, label_share=0.6, draw=0)
    assert set(few.shown) < set(many.shown)
    assert few.test == many.test
    assert drawn(folder, draw=1)[1].test == few.test


def test_hidden_labels_are_the_root_and_test_patients_are_not_there(folder: Path) -> None:
    cohort, draw = drawn(folder)
    part = hide_below(cohort, draw)
    assert not set(part.patients) & set(draw.test)
    shown = {p for p, v in zip(part.patients, part.labels, strict=True) if v != cohort.tree.root}
    assert shown == set(draw.shown)


def test_coarse_patients_show_their_superclass(folder: Path) -> None:
    cohort, draw = drawn(folder, label_share=0.2, coarse_share=1.0)
    named = {p: cohort.tree.names[v] for p, v in zip(cohort.patients, cohort.labels, strict=True)}
    coarse = {p: name for p, name in draw.shown.items() if name in ("luminal", "non_luminal")}
    assert len(draw.shown) == len(draw.training)
    assert all((name == "luminal") == (named[p] in ("LumA", "LumB")) for p, name in coarse.items())


def test_a_stored_draw_is_opened_again_and_another_refused(folder: Path, tmp_path: Path) -> None:
    _, draw = drawn(folder)
    assert open_or_draw(tmp_path / "datalist.json", draw) == draw
    assert open_or_draw(tmp_path / "datalist.json", draw) == draw
    with pytest.raises(DataError, match="another 'draw'"):
        open_or_draw(tmp_path / "datalist.json", drawn(folder, draw=1)[1])


def test_a_patient_on_both_sides_is_named(folder: Path, tmp_path: Path) -> None:
    _, draw = drawn(folder)
    open_or_draw(tmp_path / "datalist.json", draw)
    content = read_json(tmp_path / "datalist.json")
    content["test"].append(content["training"][0])
    write_json(content, tmp_path / "datalist.json")
    with pytest.raises(DataError, match=f"patient '{content['training'][0]}' is in training and in test"):
        read_draw(tmp_path / "datalist.json")


def test_a_flat_tree_needs_two_classes() -> None:
    with pytest.raises(DataError, match="1 class"):
        flat_class_tree(["only"])
