"""Which cases of a batch a semi-supervised method may take as labelled."""

from __future__ import annotations

from collections.abc import Sequence

from cladeseg.taxonomy import FINE


def fine_and_unlabelled(supervisions: Sequence[str]) -> tuple[list[int], list[int]]:
    """Split the indices of a batch: finely labelled cases, and those that count as unlabelled for leaves.

    Coarse cases are among the second: their node map is learnt from by the supervised loss, but says nothing of leaves.
    """
    fine = [i for i, supervision in enumerate(supervisions) if supervision == FINE]
    return fine, [i for i in range(len(supervisions)) if i not in fine]
