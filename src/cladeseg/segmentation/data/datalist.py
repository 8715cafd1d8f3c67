"""The datalist: which case is on which side of the split, and how much of its label is used.

It is one JSON file in MONAI's training/validation/test form, made once for a run and kept beside its results.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from cladeseg.cohort.split import PARTS, merge_overlapping, split_patients
from cladeseg.files import DataError, atomic_write, read_json
from cladeseg.segmentation.data.datalist_settings import DatalistSettings, resolve_settings
from cladeseg.segmentation.data.integrity import Inspection, inspect_cases, raise_if_fatal
from cladeseg.segmentation.data.label_conventions import AUTO, resolve_label_convention
from cladeseg.segmentation.data.label_volumes import KEY, label_volumes
from cladeseg.segmentation.data.layouts import resolve_layout, scan
from cladeseg.segmentation.data.listed_paths import listed_name, listed_path
from cladeseg.segmentation.data.rules.duplicates import sharing_patients
from cladeseg.segmentation.data.supervision import assign_supervision, without_hidden_labels
from cladeseg.segmentation.data.volume_files import absolute_paths, volume_files
from cladeseg.taxonomy import UNLABELLED, Taxonomy, TaxonomyError

logger = logging.getLogger(__name__)

FORMAT = 1
#: What lists were made with before these settings were stored.
_EARLIER: dict[str, Any] = {"draw": 0, "channels": []}
_CASE_KEYS = ("case", "patient", "supervision")


def build_datalist(
    dataset_dir: str | Path, taxonomy: Taxonomy, *, workers: int | None = None, progress: bool = True, **settings: Any
) -> dict[str, Any]:
    """Scan a folder, check every file that will be used, split its patients and decide who is labelled how finely.

    Args:
        dataset_dir: the folder.
        taxonomy: the tree of its labels.
        workers: threads that read files.
        progress: show progress bars.
        **settings: the fields of :class:`DatalistSettings`; ``label_convention`` is required, ``"auto"`` finds it out.

    Returns:
        JSON-serialisable: ``format``, ``name`` of the tree, the settings with the label convention by its name,
        ``together`` (patients that share a scan) and the cases of ``training``, ``validation`` and ``test``.  Every
        case has ``supervision`` and the image's ``sha1``, and where its label was opened ``label_sha1``; a case whose
        supervision is ``unlabelled`` has no ``label``, and its label file was not opened.  Training cases also have
        ``volumes_ml`` of the structures that their supervision shows.

    Raises:
        DataError: anything fatal in a file that is used, or settings that the folder cannot meet.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_msd_phantoms
        >>> from cladeseg.taxonomy import Node
        >>> ends = [Node(name, "hippocampus", {"msd": i}) for i, name in enumerate(("anterior", "posterior"), 1)]
        >>> tree = Taxonomy("hippocampus", (Node("background", values={"msd": 0}), Node("hippocampus"), *ends))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_msd_phantoms(folder, cases=6)
        ...     settings = {"layout": "msd", "label_convention": "auto", "fine_patients": 1, "test_fraction": 0.3}
        ...     datalist = build_datalist(folder, tree, progress=False, **settings)
        >>> datalist["label_convention"], {part: len(datalist[part]) for part in PARTS}
        ('msd', {'training': 3, 'validation': 1, 'test': 2})
        >>> sorted(case["supervision"] for case in datalist["training"])
        ['fine', 'hippocampus', 'hippocampus']
    """
    chosen = resolve_settings(DatalistSettings(**settings), taxonomy)
    chosen = replace(chosen, layout=resolve_layout(dataset_dir, chosen.layout))
    found = scan(dataset_dir, chosen.layout, channels=chosen.channels)
    chosen = replace(
        chosen,
        label_convention=resolve_label_convention(chosen.label_convention, found, dataset_dir, taxonomy, chosen.layout),
    )
    check = partial(
        inspect_cases,
        dataset_dir=dataset_dir,
        taxonomy=taxonomy,
        label_convention=chosen.label_convention,
        workers=workers,
        progress=progress,
    )
    # Images first: only once shared scans, and then the split, are known is it clear which labels may be opened.
    images = {image.case: image for image in check([{**case, "supervision": UNLABELLED} for case in found])}
    listed = [{**case, "sha1": images[case["case"]].sha1} for case in found]
    together = sharing_an_image(listed)
    parts = divide(listed, chosen, together)
    cases = [{key: value for key, value in case.items() if key != "part"} for case in listed]
    assigned = assign_supervision(cases, parts, chosen)
    used = [case for part in PARTS for case in assigned[part]]
    inspected = check(used, images=[images[case["case"]] for case in used])
    _log_findings(inspected)
    seen = {inspection.case: inspection for inspection in inspected}
    listed_parts = {part: [_with_label_hash(case, seen[case["case"]]) for case in assigned[part]] for part in PARTS}
    listed_parts["training"] = [_with_volumes(case, seen[case["case"]], taxonomy) for case in listed_parts["training"]]
    return {**_header(chosen, taxonomy), "together": [sorted(one) for one in together], **listed_parts}


def store_datalist(datalist: Mapping[str, Any], path: str | Path) -> None:
    """Write a datalist, whole or not at all; a file that holds anything else is never overwritten.

    Raises:
        DataError: the file exists with other content; the message names the settings that differ.
    """
    path = Path(path)
    text = json.dumps(datalist, indent=1, ensure_ascii=False) + "\n"
    if path.exists():
        _refuse_difference(path, load_datalist(path), json.loads(text))
        return
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load_datalist(path: str | Path, taxonomy: Taxonomy | None = None) -> dict[str, Any]:
    """Read a datalist and check that it holds together.

    Args:
        path: the file.
        taxonomy: if given, every case's supervision must be one of its names.

    Raises:
        DataError: not a datalist, a case without a needed key, a name or path that leads out of its folder, a case
            listed twice, a patient on two sides of the split, or an unknown supervision.
    """
    datalist = read_json(path)
    if not isinstance(datalist, dict) or datalist.get("format") != FORMAT:
        raise DataError(f"{path}: is no datalist of format {FORMAT}")
    for part in PARTS:
        if not isinstance(datalist.get(part), list):
            raise DataError(f"{path}: needs a list '{part}'")
        for i, case in enumerate(datalist[part]):
            _check_case(case, f"{path}: {part}[{i}]", taxonomy)
    _refuse_repeats(datalist, path)
    return datalist


def open_or_build_datalist(
    path: str | Path,
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    *,
    workers: int | None = None,
    progress: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Use the datalist at ``path`` if it was made with the same settings from the same files; else build and store it.

    The files are checked in either case: they may have changed since the list was made.

    Args:
        path: the datalist's file.
        dataset_dir: folder that its paths are relative to.
        taxonomy: the tree of its labels.
        workers: threads that read files.
        progress: show progress bars.
        **settings: see :func:`build_datalist`.

    Raises:
        DataError: the list was made with another setting, which the message names; a file is absent, broken or not the
            one that the list was made of; or whatever :func:`build_datalist` raises.
    """
    if not Path(path).exists():
        datalist = build_datalist(dataset_dir, taxonomy, workers=workers, progress=progress, **settings)
        store_datalist(datalist, path)
        return datalist
    chosen = resolve_settings(DatalistSettings(**settings), taxonomy)
    datalist = load_datalist(path, taxonomy)
    if chosen.label_convention == AUTO:
        chosen = replace(chosen, label_convention=str(datalist.get("label_convention")))
    if chosen.layout == AUTO:
        chosen = replace(chosen, layout=str(datalist.get("layout")))
    wanted = _header(chosen, taxonomy)
    # Lists that were stored before there were other draws are of the seed's own, and took all channels.
    _refuse_difference(Path(path), {key: datalist.get(key, _EARLIER.get(key)) for key in wanted}, wanted)
    cases = [without_hidden_labels(case) for part in PARTS for case in datalist[part]]
    found = inspect_cases(cases, dataset_dir, taxonomy, chosen.label_convention, workers=workers, progress=progress)
    _log_findings(found)
    refuse_changed_files(cases, found, dataset_dir)
    return datalist


def cases_of(datalist: Mapping[str, Any], part: str, dataset_dir: str | Path) -> list[dict[str, Any]]:
    """The cases of one part with absolute paths; a case whose supervision is ``unlabelled`` never comes with a label.

    Raises:
        DataError: there is no such part.
    """
    if part not in (*PARTS, "all"):
        raise DataError(f"datalist: no part '{part}'; its parts are {', '.join(PARTS)} and all")
    members = [case for one in (PARTS if part == "all" else (part,)) for case in datalist[one]]
    return [absolute_paths(without_hidden_labels(case), dataset_dir) for case in members]


# ---- building --------------------------------------------------------------------------------------------------------


def _header(settings: DatalistSettings, taxonomy: Taxonomy) -> dict[str, Any]:
    return {"format": FORMAT, "name": taxonomy.name, **asdict(settings)}


def _with_label_hash(case: Mapping[str, Any], seen: Inspection) -> dict[str, Any]:
    return {**case, "label_sha1": seen.label_sha1} if seen.label_sha1 else dict(case)


def _with_volumes(case: Mapping[str, Any], seen: Inspection, taxonomy: Taxonomy) -> dict[str, Any]:
    volumes = label_volumes(seen, case["supervision"], taxonomy)
    return {**case, KEY: volumes} if volumes else dict(case)


def sharing_an_image(cases: Iterable[Mapping[str, Any]]) -> list[set[str]]:
    """Patients with an identical image, by the cases' ``sha1``: each set stays on one side of a split."""
    together = merge_overlapping(sharing_patients((case["sha1"], case["patient"]) for case in cases))
    for patients in together:
        logger.warning("%s share an identical image and stay on one side of the split", ", ".join(sorted(patients)))
    return together


def divide(
    cases: Iterable[Mapping[str, Any]], settings: DatalistSettings, together: list[set[str]]
) -> dict[str, list[str]]:
    """Patients of each part, as the settings' seed and fractions split those of the cases."""
    cases = list(cases)
    return split_patients(
        {case["patient"]: case["group"] for case in cases},
        validation=settings.validation_fraction,
        test=settings.test_fraction,
        seed=settings.seed,
        together=together,
        fixed={case["patient"]: case["part"] for case in cases if "part" in case},
    )


def _log_findings(inspections: Sequence[Inspection]) -> None:
    raise_if_fatal(inspections)
    for inspection in inspections:
        for finding in inspection.found("fixable"):
            logger.warning("%s", finding)
        for finding in inspection.found("info"):
            logger.info("%s", finding)


# ---- checking --------------------------------------------------------------------------------------------------------


def _check_case(case: Any, where: str, taxonomy: Taxonomy | None) -> None:
    for key in _CASE_KEYS:
        if not isinstance(case, dict) or not isinstance(case.get(key), str):
            raise DataError(f"{where}: needs a text '{key}'")
    if not _names_files(case.get("image")):
        raise DataError(f"{where}: needs an 'image', as a text or as a list of one text for each channel")
    if case["supervision"] != UNLABELLED and not isinstance(case.get("label"), str):
        raise DataError(f"{where}: supervision '{case['supervision']}' needs a 'label'")
    _refuse_ways_out(case, where)
    try:
        if taxonomy is not None:
            taxonomy.collapse_table(case["supervision"])
    except TaxonomyError as error:
        raise DataError(f"{where}: supervision '{case['supervision']}': {error}") from error


def _refuse_ways_out(case: Mapping[str, Any], where: str) -> None:
    """Files are written after cases, and read where paths lead: neither may leave its folder."""
    for key in ("case", "patient"):
        listed_name(case[key], where, key)
    images = case["image"] if isinstance(case["image"], list) else [case["image"]]
    for file in images:
        listed_path(file, where, "image")
    if "label" in case:
        listed_path(case["label"], where, "label")


def _names_files(image: Any) -> bool:
    files = image if isinstance(image, list) else [image]
    return bool(files) and all(isinstance(file, str) for file in files)


def _refuse_repeats(datalist: Mapping[str, Any], path: str | Path) -> None:
    side: dict[str, str] = {}
    names: set[str] = set()
    for part in PARTS:
        for case in datalist[part]:
            if side.setdefault(case["patient"], part) != part:
                raise DataError(f"{path}: patient '{case['patient']}' is in {side[case['patient']]} and in {part}")
            if case["case"] in names:
                raise DataError(f"{path}: case '{case['case']}' is listed twice")
            names.add(case["case"])


def _refuse_difference(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Stop unless both hold the same; cases that differ are mentioned only if no setting does."""
    differing = sorted(key for key in wanted.keys() | stored.keys() if stored.get(key) != wanted.get(key))
    settings = [f"{key} = {stored.get(key)!r} instead of {wanted.get(key)!r}" for key in differing if key not in PARTS]
    if differing:
        made = ", ".join(settings) or f"other cases in {' and '.join(differing)}"
        raise DataError(f"{path}: was made with {made}; choose another output_dir, this one is kept as it is")


def refuse_changed_files(
    cases: Sequence[Mapping[str, Any]], found: Sequence[Inspection], dataset_dir: str | Path
) -> None:
    """Stop if an image or a label is not the one that a datalist was made of.

    Args:
        cases: of the datalist, with the hashes that it stores.
        found: the inspection of each case's files as they are now.
        dataset_dir: folder that the cases' paths are relative to.

    Raises:
        DataError: the message names the files.
    """
    for case, inspection in zip(cases, found, strict=True):
        if case.get("sha1", inspection.sha1) != inspection.sha1:
            files = ", ".join(str(Path(dataset_dir, file)) for file in volume_files(case["image"]))
            raise DataError(f"{files}: not the image that the datalist was made of; choose another output_dir")
        opened = inspection.label_sha1
        if opened and case.get("label_sha1", opened) != opened:
            file = Path(dataset_dir, case["label"])
            raise DataError(f"{file}: not the label that the datalist was made of; choose another output_dir")
