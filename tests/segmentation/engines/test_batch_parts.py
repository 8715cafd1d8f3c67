"""A batch in parts: every case once, each part with its share of every kind."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from cladeseg.segmentation.engines.batch_parts import batch_parts
from cladeseg.segmentation.engines.step import Overview, StepInput


def make(supervisions: list[str], **changes: Any) -> StepInput:
    """A batch whose every tensor says which case it is of."""
    count = len(supervisions)
    case = torch.arange(count).view(-1, 1, 1, 1, 1)
    fields: dict[str, Any] = {
        "images": case.float(),
        "nodes": case,
        "propagated": case,
        "supervisions": supervisions,
        "array_axes": torch.arange(count)[:, None].expand(count, 3),
        "network": cast("Any", None),
        "teacher": cast("Any", None),
        "step": 3,
        "generator": torch.Generator(),
        "valid": case >= 0,
        "overview": Overview(case.float(), case),
    }
    return StepInput(**{**fields, **changes})


def test_every_part_has_its_share_of_each_kind_and_every_case_is_in_one() -> None:
    batch = make(["fine", "fine", "heart", "left_heart", "unlabelled", "unlabelled"])
    parts = list(batch_parts(batch, 2))
    assert [part.supervisions for part in parts] == [
        ["fine", "heart", "unlabelled"],
        ["fine", "left_heart", "unlabelled"],
    ]
    assert [part.images.flatten().tolist() for part in parts] == [[0, 2, 4], [1, 3, 5]]
    for part in parts:
        cases = part.images.flatten().long()
        assert part.overview is not None
        assert part.valid is not None
        for tensor in (part.nodes, part.propagated, *part.overview):
            assert torch.equal(tensor.flatten().long(), cases)
        assert torch.equal(part.array_axes[:, 0], cases)
        assert len(part.valid) == 3


def test_one_part_is_the_batch_and_shared_maps_stay_shared() -> None:
    nodes = torch.zeros(2, 1, 1, 1, 1)
    batch = make(["fine", "fine"], nodes=nodes, propagated=nodes, valid=None, overview=None)
    assert next(batch_parts(batch, 1)) is batch
    part = next(batch_parts(batch, 2))
    assert part.propagated is part.nodes
    assert part.valid is None
    assert part.overview is None


def test_unequal_parts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"batch\.parts: 3 coarse cases .* 2 parts"):
        next(batch_parts(make(["fine", "fine", "heart", "heart", "heart"]), 2))
