"""Draws of patients: which side of the split, and who is labelled finely.

Every draw orders patients by a hash of (seed, purpose, name).  So it depends neither on the order in which a folder
lists them nor on the version of a random generator, and one draw cannot shift another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from cladeseg.files import DataError

PARTS = ("training", "validation", "test")


def split_patients(
    patients: Mapping[str, str],
    *,
    validation: float,
    test: float,
    seed: int,
    together: Iterable[set[str]] = (),
    fixed: Mapping[str, str] | None = None,
) -> dict[str, list[str]]:
    """Split patients into training, validation and test, stratified by group.

    Args:
        patients: patient → group.
        validation: fraction of the patients for validation; any fraction above 0 gives at least one patient.
        test: the same for test.
        seed: another seed is another draw.
        together: patients that must end up on one side, e.g. because they share a scan.
        fixed: patient → part, for patients whose side is decided already; nobody else is drawn for such a part.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, each sorted.

    Raises:
        DataError: impossible fractions, too few patients to fill every part that was asked for, or patients of one
            set whose sides are decided differently.

    Example:
        >>> groups = {f"p{i}": "sick" if i < 4 else "well" for i in range(8)}
        >>> parts = split_patients(groups, validation=0.25, test=0.25, seed=0)
        >>> {part: len(members) for part, members in parts.items()}
        {'training': 4, 'validation': 2, 'test': 2}
        >>> sorted(groups[patient] for patient in parts["test"])
        ['sick', 'well']
    """
    if validation < 0 or test < 0 or validation + test >= 1:
        raise DataError(f"split: validation {validation} and test {test} should be ≥ 0 and together below 1")
    fixed = fixed or {}
    free = len(patients) - len(fixed)
    fractions = {"test": test, "validation": validation}
    wanted = {part: 0 if part in fixed.values() else _at_least_one(n, free) for part, n in fractions.items()}
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for members in _stratified_sets(patients, together, seed):
        side = _decided(members, fixed)
        if side:
            parts[side].extend(members)
            continue
        part = next((p for p, n in wanted.items() if len(parts[p]) + len(members) <= n), "training")
        parts[part].extend(members)
    _refuse_empty_parts(parts, wanted)
    return {part: sorted(members) for part, members in parts.items()}


def draw_fine(patients: Mapping[str, str], n: int, seed: int, *, draw: int = 0) -> list[str]:
    """Draw ``n`` patients, spread over the groups as evenly as possible.

    The draws of one (seed, draw) are nested: a larger budget keeps the patients of a smaller one and adds to them.

    Args:
        patients: patient → group, the candidates.
        n: how many.
        seed: another seed is another draw.
        draw: another number is another draw of the same seed, on which the split by that seed does not depend; 0 is the
            seed's own.

    Returns:
        ``n`` patients in the order in which they were drawn.

    Raises:
        DataError: ``n`` is negative or larger than the number of candidates.

    Example:
        >>> groups = {f"p{i}": "sick" if i < 4 else "well" for i in range(8)}
        >>> two, three = draw_fine(groups, 2, seed=0), draw_fine(groups, 3, seed=0)
        >>> three[:2] == two, sorted(groups[patient] for patient in two)
        (True, ['sick', 'well'])
    """
    if not 0 <= n <= len(patients):
        raise DataError(f"draw: {n} patients asked for, {len(patients)} with a label are there to draw from")
    source = f"{seed}.{draw}" if draw else seed  # so that draw 0 is what it was before there were others
    turns: list[tuple[int, float, str]] = []
    for group, members in _by_group(patients, patients).items():
        ordered = sorted(members, key=lambda patient: _uniform(source, "fine", patient))
        # In each round every group is asked once, in an order of that round's own.
        turns += [(turn, _uniform(source, f"turn {turn}", group), patient) for turn, patient in enumerate(ordered)]
    return [patient for *_, patient in sorted(turns)[:n]]


def draw_share(patients: Mapping[str, str], share: float, *, seed: int, draw: int = 0, fewest: int = 0) -> list[str]:
    """Draw a share of each group, as a cohort has them in practice.

    The draws of one (seed, draw) are nested: a larger share keeps the patients of a smaller one.

    Args:
        patients: patient → group, the candidates.
        share: fraction of each group, 0 to 1.
        seed: another seed is another draw.
        draw: another number is another draw of the same seed; see :func:`draw_fine`.
        fewest: of each group, however small the share; a smaller group is taken whole.

    Returns:
        The patients, sorted.

    Raises:
        DataError: the share is below 0 or above 1.

    Example:
        >>> groups = {f"p{i}": "rare" if i < 2 else "common" for i in range(12)}
        >>> drawn = draw_share(groups, 0.5, seed=0)
        >>> sorted(groups[patient] for patient in drawn)
        ['common', 'common', 'common', 'common', 'common', 'rare']
    """
    if not 0 <= share <= 1:
        raise DataError(f"draw: a share of {share} was asked for; it lies between 0 and 1")
    source = f"{seed}.{draw}" if draw else seed
    drawn: list[str] = []
    for members in _by_group(patients, patients).values():
        ordered = sorted(members, key=lambda patient: _uniform(source, "share", patient))
        drawn += ordered[: max(fewest, round(share * len(members)))]
    return sorted(drawn)


def merge_overlapping(sets: Iterable[set[str]]) -> list[set[str]]:
    """Unite sets that share a member, directly or through others; sorted by their first member.

    Example:
        >>> [sorted(one) for one in merge_overlapping([{"c"}, {"a", "b"}, {"b", "d"}])]
        [['a', 'b', 'd'], ['c']]
    """
    merged: list[set[str]] = []
    for one in sets:
        touching = [other for other in merged if other & one]
        merged = [other for other in merged if not other & one] + [one.union(*touching)]
    return sorted(merged, key=min)


def _stratified_sets(patients: Mapping[str, str], together: Iterable[set[str]], seed: int) -> list[list[str]]:
    """Sets of patients that stay together, in an order of which every stretch holds each group in proportion."""
    bound = [kept for kept in (one & patients.keys() for one in together) if kept]
    sets = {min(one): sorted(one) for one in merge_overlapping([{p} for p in sorted(patients)] + bound)}
    position: dict[str, float] = {}
    for group, firsts in _by_group(sets, patients).items():
        # Systematic sampling: members sit at equal distances on [0, 1) after a random start of the group's own.
        start = _uniform(seed, "start", group)
        ordered = sorted(firsts, key=lambda first: _uniform(seed, "split", first))
        position.update({first: (i + start) / len(ordered) for i, first in enumerate(ordered)})
    return [sets[first] for first in sorted(sets, key=lambda first: (position[first], first))]


def _decided(members: Iterable[str], fixed: Mapping[str, str]) -> str:
    """The side of a set of patients, ``""`` if it is to be drawn; who shares a scan with a fixed one goes along."""
    sides = {fixed[patient]: patient for patient in members if patient in fixed}
    if len(sides) > 1:
        (one, first), (other, second) = sorted(sides.items())[:2]
        raise DataError(f"split: '{first}' is listed for {one} and '{second}' for {other}, but they share an image")
    return next(iter(sides), "")


def _by_group(names: Iterable[str], group_of: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(group_of[name], []).append(name)
    return groups


def _at_least_one(fraction: float, total: int) -> int:
    return max(1, round(fraction * total)) if fraction > 0 else 0


def _refuse_empty_parts(parts: Mapping[str, list[str]], wanted: Mapping[str, int]) -> None:
    for part, members in parts.items():
        if not members and wanted.get(part, 1):
            total = sum(len(others) for others in parts.values())
            raise DataError(f"split: {total} patients are too few, none is left for {part}; change the fractions")


def _uniform(seed: int | str, purpose: str, name: str) -> float:
    """A number in [0, 1) that looks random and depends on nothing but the arguments."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
