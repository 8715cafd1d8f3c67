"""The arm of ``cladeseg select``: its proposals take the place of a random draw, chosen once for a split and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console

from cladeseg.benchmark.grid import SELECT, Grid
from cladeseg.benchmark.runs import RunKey, choice_file, settings_of
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.data import DatalistSettings, open_or_build_datalist
from cladeseg.segmentation.selection import run_selection, training_patients
from cladeseg.segmentation.workflow.plan import settings_with
from cladeseg.taxonomy import Taxonomy, load_taxonomy


def choose_patients(
    grid: Grid, keys: Sequence[RunKey], *, output: Path, dataset_dir: Path, console: Console | None = None
) -> None:
    """Have the patients selected for every run that asks for it and has none yet.

    For each seed and number of patients this is ``cladeseg select`` on the training part of the seed's split: images
    and superclass outlines of training patients are looked at, leaves and patients of the other parts are not.  The
    folder ``selections/sSEED/nN`` gets its page with pictures, and last ``choice.json`` with ``patients`` and what they
    were chosen from; a choice that is there is taken as it is.

    Args:
        grid: the benchmark.
        keys: its runs.
        output: folder of the benchmark.
        dataset_dir: the data.
        console: where the chosen patients are shown.

    Raises:
        DataError: a choice that is there was made from something else, or whatever the selection raises.
    """
    taxonomy = load_taxonomy("configs/taxonomy.json", grid.bundle)
    for key in (key for key in keys if grid.method(key.method).patients == SELECT):
        file, source = choice_file(output, key), _source(grid, key, dataset_dir)
        if file.is_file():
            _refuse_another(file, read_json(file), source)
            continue
        patients = _select(key, source, taxonomy, file.parent)
        write_json({"patients": patients, "from": source}, file)
        if console is not None:
            chosen = ", ".join(patients)
            console.print(f"selected for n = {key.n}, seed {key.seed}: {chosen}", markup=False, soft_wrap=True)


def _source(grid: Grid, key: RunKey, dataset_dir: Path) -> dict[str, Any]:
    """What decides the choice: the data, the split and the kind of images; as JSON holds it."""
    layout = {} if grid.layout is None else {"settings#data#layout": grid.layout}
    # The split does not depend on who is labelled how finely; every training patient shows its outline here.
    budget = {"fine_patients": 0, "coarse_patients": "all", "settings#split#draw": 0}
    chosen = settings_with(grid.bundle, {**settings_of(grid, key), "seed": key.seed, **layout, **budget})
    values = {
        **chosen.model_dump(mode="json"),
        **chosen.split.model_dump(mode="json"),
        **chosen.data.model_dump(mode="json"),
    }
    split = {each.name: values[each.name] for each in fields(DatalistSettings)}
    return {"dataset_dir": str(dataset_dir), "budget": key.n, "intensity": chosen.data.intensity, "split": split}


def _select(key: RunKey, source: Mapping[str, Any], taxonomy: Taxonomy, folder: Path) -> list[str]:
    """Patients in the order of the proposal, which is that of ``cladeseg select --datalist``."""
    dataset_dir, split, datalist = source["dataset_dir"], source["split"], folder.parent / "datalist.json"
    open_or_build_datalist(datalist, dataset_dir, taxonomy, progress=False, **split)
    proposals = run_selection(
        dataset_dir,
        taxonomy,
        folder,
        layout=split["layout"],
        label_convention=split["label_convention"],
        budget=int(key.n),
        superclass=split["superclass"],
        datalist=datalist,
        intensity=source["intensity"],
        progress=False,
    )
    patients = [proposal.patient for proposal in proposals]
    outside = sorted(set(patients) - set(training_patients(datalist)))
    if outside:
        raise DataError(f"{folder}: '{outside[0]}' was selected and is no training patient of {datalist}")
    return patients


def _refuse_another(file: Path, stored: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    before = stored.get("from", {})
    for name in sorted({*before, *source}):
        if before.get(name) != source.get(name):
            raise DataError(
                f"{file}: '{name}' was {before.get(name)!r} and is now {source.get(name)!r}; "
                "choose another --output, or delete this folder and the runs that took its patients"
            )
