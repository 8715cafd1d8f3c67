"""Scores of clusterings and of pairs, with intervals."""

from cladeseg.clustering.metrics.intervals import WITH_INTERVAL, score_intervals
from cladeseg.clustering.metrics.pair_scores import pair_auc
from cladeseg.clustering.metrics.partition_scores import PartitionScores, partition_scores

__all__ = ["WITH_INTERVAL", "PartitionScores", "pair_auc", "partition_scores", "score_intervals"]
