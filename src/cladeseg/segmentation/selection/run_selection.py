"""What ``cladeseg select`` does: choose, and write down what was chosen and why."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cladeseg.segmentation.data import load_datalist, resolve_label_convention, resolve_layout
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.selection.page import write_selection
from cladeseg.segmentation.selection.propose import Proposal, select_cases
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, resolve_superclass
from cladeseg.taxonomy import Taxonomy


def run_selection(
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    out: str | Path,
    *,
    layout: str,
    label_convention: str,
    budget: int,
    superclass: str | None = None,
    datalist: str | Path | None = None,
    labelled: Collection[str] = (),
    intensity: str = "percentiles",
    predictor: Predictor | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> list[Proposal]:
    """Propose cases and write ``selection.json``, ``selection.md`` and a picture of each into ``out``.

    Args:
        dataset_dir: the folder of cases.
        taxonomy: the tree of its labels.
        out: folder for the result.
        layout: folder layout.
        label_convention: file convention of the labels; ``"auto"`` finds it out.
        budget: number of cases.
        superclass: the outline to look at; the tree's coarsest if ``None``.
        datalist: a stored split; only patients of its training part are looked at.
        labelled: patients that have fine labels already.
        intensity: kind of normalisation, see :func:`cladeseg.segmentation.transforms.preprocessing`.
        predictor: of a first training, whose uncertainty then counts too; see :func:`select_cases`.
        workers: threads that read files.
        progress: show progress bars.

    Raises:
        DataError: see :func:`select_cases`; or a file cannot be written.
    """
    layout = resolve_layout(dataset_dir, layout)
    label_convention = resolve_label_convention(label_convention, None, dataset_dir, taxonomy, layout)
    outline = resolve_superclass(superclass, taxonomy)
    proposals = select_cases(
        dataset_dir,
        taxonomy,
        layout=layout,
        label_convention=label_convention,
        budget=budget,
        superclass=outline,
        only=None if datalist is None else training_patients(datalist),
        labelled=labelled,
        intensity=intensity,
        predictor=predictor,
        workers=workers,
        progress=progress,
    )
    settings = {
        "taxonomy": taxonomy.name,
        "superclass": outline,
        "layout": layout,
        "label_convention": label_convention,
        "budget": budget,
        "labelled": sorted(labelled),
        "uncertainty": predictor is not None,
    }
    load = SuperclassLoader(taxonomy, label_convention=label_convention, superclass=outline, intensity=intensity)
    write_selection(proposals, out, load, settings)
    return proposals


def training_patients(datalist: str | Path) -> list[str]:
    """Patients of a stored split's training part, sorted.

    Raises:
        DataError: the file is no datalist.
    """
    return sorted({case["patient"] for case in load_datalist(datalist)["training"]})
