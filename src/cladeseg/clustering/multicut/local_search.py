"""Local search: greedy additive contraction, Kernighan–Lin with joins, fusion moves; all by bioimage-cpp."""

from __future__ import annotations

from typing import Literal

import numpy as np
from bioimage_cpp.graph import UndirectedGraph
from bioimage_cpp.graph.multicut import (
    ChainedMulticutSolvers,
    FusionMoveMulticut,
    GreedyAdditiveMulticut,
    GreedyAdditiveProposalGenerator,
    KernighanLinMulticut,
    MulticutObjective,
    MulticutSolver,
)

from cladeseg.clustering.multicut.problem import Multicut, in_order
from cladeseg.files import check_choice

Search = Literal["greedy", "kernighan_lin", "fusion_moves"]
SEARCHES: tuple[Search, ...] = ("greedy", "kernighan_lin", "fusion_moves")


def cluster(problem: Multicut, *, search: Search = "kernighan_lin", seed: int = 0) -> np.ndarray:
    """A clustering of little energy.

    Args:
        problem: the signed pairs.
        search: ``"greedy"``: contraction alone (GAEC, Keuper et al. 2015); ``"kernighan_lin"``: moves and joins from
            there; ``"fusion_moves"``: these, then fusions with noisy proposals (Beier et al. 2015).
        seed: of the proposals.

    Returns:
        Cluster of each object, numbered by first object; int (n,).

    Examples:
        >>> cluster(Multicut(3, [[0, 1], [0, 2], [1, 2]], [2.0, -1.0, -1.0])).tolist()
        [0, 0, 1]
    """
    check_choice("search", search, SEARCHES)
    if problem.count == 0 or not len(problem.pairs):
        return np.arange(problem.count)
    graph = UndirectedGraph.from_edges(problem.count, problem.pairs.astype(np.uint64))
    labels = _solver(search, seed).optimize(MulticutObjective(graph, _in_order_of(graph, problem)))
    labels = in_order(np.asarray(labels))
    return _best(problem, labels)


def _solver(search: Search, seed: int) -> MulticutSolver:
    steps: list[MulticutSolver] = [GreedyAdditiveMulticut()]
    if search != "greedy":
        steps.append(KernighanLinMulticut())
    if search == "fusion_moves":
        proposals = GreedyAdditiveProposalGenerator(seed=seed)
        steps.append(FusionMoveMulticut(proposal_generator=proposals, sub_solver=KernighanLinMulticut()))
    return ChainedMulticutSolvers(steps)


def _in_order_of(graph: UndirectedGraph, problem: Multicut) -> np.ndarray:
    """Weights in the order in which the graph keeps its edges."""
    edges = np.sort(np.asarray(graph.uv_ids()).astype(np.int64), axis=1)
    if np.array_equal(edges, problem.pairs):
        return problem.weights
    place = np.argsort(problem.pairs[:, 0] * problem.count + problem.pairs[:, 1])
    keys = (problem.pairs[:, 0] * problem.count + problem.pairs[:, 1])[place]
    return problem.weights[place][np.searchsorted(keys, edges[:, 0] * problem.count + edges[:, 1])]


def _best(problem: Multicut, labels: np.ndarray) -> np.ndarray:
    """Never worse than what needs no search: all apart, or all together."""
    options = [labels, np.arange(problem.count), np.zeros(problem.count, dtype=int)]
    energies = [problem.energy(option) for option in options]
    return options[int(np.argmin(energies))]
