"""Pathways of a GMT file: one line for each, with its name, a comment and its genes, separated by tabs."""

from __future__ import annotations

from pathlib import Path

from cladeseg.files import DataError


def read_pathways(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Pathway → its genes.

    Raises:
        DataError: the file cannot be read, a line has no gene, or a pathway is there twice; the message names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a GMT file of pathways ({error})") from error
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        name, *rest = [field.strip() for field in line.split("\t")]
        genes = tuple(gene for gene in rest[1:] if gene)
        if not name:
            continue
        if not genes:
            raise DataError(f"{path}: line {number}: '{name}' has no gene; write name, comment, genes, between tabs")
        if name in found:
            raise DataError(f"{path}: line {number}: pathway '{name}' is there twice; keep one of them")
        found[name] = genes
    if not found:
        raise DataError(f"{path}: holds no pathway; a line has a name, a comment and genes, between tabs")
    return found
