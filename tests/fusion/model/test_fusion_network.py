"""The fusion network looks at both modalities, whatever is missing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cladeseg.fusion.model import (
    FORMS,
    CrossAttention,
    FusionNetwork,
    FusionOutput,
    GatedAttentionPool,
    GeneTokens,
    drop_modalities,
)

GROUPS = [[0, 1], [2, 3], [4, 5]]

each_form = pytest.mark.parametrize("form", FORMS)


def network(form: str = "cross_attention", leaves: int = 3) -> FusionNetwork:
    torch.manual_seed(0)
    return FusionNetwork(5, GROUPS, leaves, width=16, dropout=0.0, form=form).eval()


def patients(count: int = 4, tiles: int = 6) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(count, tiles, dtype=torch.bool)
    mask[0, 2:] = False
    return {
        "tiles": torch.randn(count, tiles, 5, generator=generator),
        "tile_mask": mask,
        "expression": torch.randn(count, 6, generator=generator),
        "has_expression": torch.ones(count, dtype=torch.bool),
    }


@each_form
def test_images_of_other_patients_change_the_output(form: str) -> None:
    model, batch = network(form), patients()
    batch["tile_mask"][:] = True
    before = model(**batch).log_p
    after = model(**{**batch, "tiles": batch["tiles"].roll(1, dims=0)}).log_p
    assert (before - after).abs().max(dim=1).values.min() > 1e-4


@each_form
def test_both_modalities_have_a_gradient(form: str) -> None:
    batch = patients()
    for name in ("tiles", "expression"):
        batch[name].requires_grad_()
    network(form)(**batch).log_p[:, 0].sum().backward()
    assert (batch["tiles"].grad.abs().sum(dim=2) > 0).equal(batch["tile_mask"])
    assert (batch["expression"].grad.abs().sum(dim=1) > 0).all()


def test_one_group_of_genes_is_refused() -> None:
    """A softmax over one key is 1 whatever the query: the published attention could not depend on the image."""
    with pytest.raises(ValueError, match="at least two groups of genes, not 1"):
        GeneTokens([[0, 1, 2]], width=4)
    with pytest.raises(ValueError, match="group 1 has no gene"):
        GeneTokens([[0], []], width=4)


@each_form
@pytest.mark.parametrize("missing", ["tiles", "expression"])
def test_a_missing_modality_counts_for_nothing_whatever_stands_there(form: str, missing: str) -> None:
    model, batch = network(form), patients()
    if missing == "tiles":
        batch["tile_mask"][1] = False
    else:
        batch["has_expression"][1] = False
    before: FusionOutput = model(**batch)
    batch[missing][1] = float("nan")
    after: FusionOutput = model(**batch)
    torch.testing.assert_close(before.log_p, after.log_p)
    column = ("tiles", "expression").index(missing)
    assert after.modalities[1, column] == 0
    assert after.modalities[1, 1 - column] == 1
    assert after.log_p.isfinite().all()


def test_a_patient_without_any_modality_is_refused() -> None:
    batch = patients()
    batch["tile_mask"][2], batch["has_expression"][2] = False, False
    with pytest.raises(ValueError, match="patient 2 of the batch has neither modality"):
        network()(**batch)


@each_form
def test_padding_and_the_order_of_tiles_do_not_matter(form: str) -> None:
    model, batch = network(form), patients()
    before = model(**batch)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(2))
    turned = {**batch, "tiles": batch["tiles"][:, order], "tile_mask": batch["tile_mask"][:, order]}
    after = model(**turned)
    torch.testing.assert_close(before.log_p, after.log_p)
    torch.testing.assert_close(before.tiles[:, order], after.tiles)
    padded = {
        **batch,
        "tiles": nn.functional.pad(batch["tiles"], (0, 0, 0, 3), value=7.0),
        "tile_mask": nn.functional.pad(batch["tile_mask"], (0, 3), value=False),
    }
    torch.testing.assert_close(before.log_p, model(**padded).log_p)


@each_form
def test_probabilities_and_weights_add_to_one(form: str) -> None:
    batch = patients()
    batch["has_expression"][3] = False
    found = network(form)(**batch)
    ones = torch.ones(4)
    torch.testing.assert_close(found.log_p.exp().sum(dim=1), ones)
    torch.testing.assert_close(found.modalities.sum(dim=1), ones)
    torch.testing.assert_close(found.tiles.sum(dim=1), ones)
    torch.testing.assert_close(found.groups.sum(dim=1), torch.tensor([1.0, 1.0, 1.0, 0.0]))
    assert (found.tiles[0, 2:] == 0).all()


def test_both_attention_maps_are_returned_and_look_at_what_is_there() -> None:
    batch = patients()
    batch["has_expression"][3] = False
    found = network()(**batch)
    assert found.tiles_over_groups is not None
    assert found.groups_over_tiles is not None
    assert found.tiles_over_groups.shape == (4, 6, 3)
    assert found.groups_over_tiles.shape == (4, 3, 6)
    assert (found.groups_over_tiles[0, :, 2:] == 0).all()
    assert (found.tiles_over_groups[3] == 0).all()
    assert ((found.groups_over_tiles.sum(dim=2) > 0) & (found.groups_over_tiles.sum(dim=2) < 1)).all()
    assert network("late")(**patients()).groups_over_tiles is None


def test_gated_pooling_equals_its_formula() -> None:
    torch.manual_seed(3)
    pool, tokens = GatedAttentionPool(4, hidden=5), torch.randn(2, 3, 4)
    pooled, weights = pool(tokens, torch.ones(2, 3, dtype=torch.bool))
    a = torch.tanh(tokens @ pool.content.weight.T + pool.content.bias)
    b = torch.sigmoid(tokens @ pool.gate.weight.T + pool.gate.bias)
    expected = ((a * b) @ pool.score.weight[0] + pool.score.bias).softmax(dim=1)
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(pooled, (expected[..., None] * tokens).sum(dim=1))
    nothing, zero = pool(tokens, torch.zeros(2, 3, dtype=torch.bool))
    assert not nothing.any()
    assert not zero.any()


def test_attention_lies_on_the_keys_that_are_there() -> None:
    torch.manual_seed(4)
    attend = CrossAttention(8, heads=2, dropout=0.0).eval()
    queries, keys = torch.randn(1, 2, 8), torch.randn(1, 3, 8)
    present = torch.tensor([[True, False, True]])
    tokens, weights = attend(queries, keys, present)
    assert (weights[..., 1] == 0).all()
    assert ((weights.sum(dim=-1) > 0) & (weights.sum(dim=-1) < 1)).all()
    keys[0, 1] = 100.0
    torch.testing.assert_close(attend(queries, keys, present)[0], tokens)
    assert attend(queries, keys, torch.zeros_like(present))[0].isfinite().all()


def test_modality_dropout_leaves_each_patient_one() -> None:
    present = torch.ones(2000, 2, dtype=torch.bool)
    present[:500, 0] = False
    kept = drop_modalities(present, 0.4, generator=torch.Generator().manual_seed(5))
    assert kept.any(dim=1).all()
    assert kept[:500].equal(present[:500])
    lost = ~kept[500:]
    assert lost.any(dim=1).float().mean().item() == pytest.approx(0.4, abs=0.04)
    assert lost[:, 0].float().mean().item() == pytest.approx(0.2, abs=0.04)
    assert drop_modalities(present, 0.0, generator=torch.Generator()).equal(present)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form"):
        FusionNetwork(5, GROUPS, 3, form="early")


def fitted_accuracy(tells: str) -> float:
    """Accuracy on new patients whose class only one modality tells."""
    torch.manual_seed(6)
    model = FusionNetwork(5, GROUPS, 2, width=16, dropout=0.0)

    def drawn(count: int) -> tuple[dict[str, Tensor], Tensor]:
        classes = torch.randint(2, (count,))
        tiles, expression = torch.randn(count, 6, 5), torch.randn(count, 6)
        sign = (2.0 * classes - 1)[:, None]
        if tells == "tiles":
            tiles[:, :, 0] += 1.5 * sign
        else:
            expression[:, 2:4] += 2 * sign
        mask = torch.ones(count, 6, dtype=torch.bool)
        has = torch.ones(count, dtype=torch.bool)
        return {"tiles": tiles, "tile_mask": mask, "expression": expression, "has_expression": has}, classes

    batch, classes = drawn(120)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.nll_loss(model(**batch).log_p, classes).backward()
        optimizer.step()
    new, truth = drawn(200)
    model.eval()
    return (model(**new).log_p.argmax(dim=1) == truth).float().mean().item()


@pytest.mark.parametrize("tells", ["tiles", "expression"])
def test_what_only_one_modality_tells_is_learnt(tells: str) -> None:
    assert fitted_accuracy(tells) >= 0.9
