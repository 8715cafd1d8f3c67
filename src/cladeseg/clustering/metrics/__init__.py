"""Scores of clusterings and of pairs, with intervals."""

from cladeseg.clustering.metrics.intervals import (
    WITH_INTERVAL,
    centred_interval,
    object_counts,
    score_intervals,
    vi_gain,
)
from cladeseg.clustering.metrics.pair_scores import PairRanking, pair_auc
from cladeseg.clustering.metrics.partition_scores import PartitionScores, partition_scores

__all__ = [
    "WITH_INTERVAL",
    "PairRanking",
    "PartitionScores",
    "centred_interval",
    "object_counts",
    "pair_auc",
    "partition_scores",
    "score_intervals",
    "vi_gain",
]
