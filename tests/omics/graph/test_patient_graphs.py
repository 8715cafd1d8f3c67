"""Graphs of patients: new ones attach to training patients and change nobody."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cladeseg.omics.contrast import PretrainingOptions, build_encoder, pretrain
from cladeseg.omics.graph import PatientGraph, ThresholdGraph


def features(rows: int, columns: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_smoothing_is_the_weighted_mean_of_own_and_neighbours() -> None:
    graph = PatientGraph(np.array([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), degree=1)
    found = graph.smoothed(np.array([[0.0, 4.0]]), strength=0.25)
    assert found.tolist() == [[0.0, 0.75 * 4 + 0.25 * 1]]


def test_no_patient_is_its_own_neighbour() -> None:
    near = PatientGraph(features(12), degree=4).neighbours()
    assert all(i not in row for i, row in enumerate(near))


def test_nobody_attaches_to_a_patient_without_the_omics() -> None:
    table = features(8)
    table[3] = np.nan
    assert 3 not in PatientGraph(table, degree=7).neighbours(features(5, seed=1))


def test_a_new_patient_gets_the_same_whoever_else_is_new() -> None:
    graph = PatientGraph(features(20), degree=3)
    new = features(6, seed=1)
    together, alone = graph.smoothed(new, strength=0.5), graph.smoothed(new[2:3], strength=0.5)
    assert np.array_equal(together[2:3], alone)


def test_the_threshold_gives_the_wanted_mean_degree() -> None:
    graph = ThresholdGraph(torch.from_numpy(features(50)).float(), degree=10)
    linked = graph.adjacency.to_dense() > 0
    assert (linked.sum() - 50).item() / 50 == pytest.approx(10, abs=0.5)
    assert torch.equal(linked, linked.T)


@pytest.mark.parametrize("encoder", ["gcn", "linear", "identity"])
def test_new_patients_do_not_change_the_training_patients_embedding(encoder: str) -> None:
    graph = ThresholdGraph(torch.from_numpy(features(30)).float(), degree=5)
    net = build_encoder(encoder, 6).eval()
    with torch.no_grad():
        before = net(graph.features, graph.adjacency)
        new = torch.from_numpy(features(4, seed=2)).float()
        together, alone = net.attach(new, graph), net.attach(new[1:2], graph)
        assert torch.equal(before, net(graph.features, graph.adjacency))
    assert torch.allclose(together[1:2], alone, atol=1e-6)


def test_pre_training_lowers_its_loss_and_repeats_by_seed() -> None:
    graph = ThresholdGraph(torch.from_numpy(features(40)).float(), degree=5)
    options = PretrainingOptions(epochs=30)
    one, losses = pretrain(graph, options)
    other, again = pretrain(graph, options)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert losses == again
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_pre_training_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    pretrain(ThresholdGraph(torch.from_numpy(features(20)).float(), degree=5), PretrainingOptions(epochs=2))
    assert torch.equal(torch.rand(1), expected)
