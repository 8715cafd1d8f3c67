"""Correlation clustering: signed pairs → clusters, by local search or exactly, with bound and gap."""

from cladeseg.clustering.multicut.exact import Certificate, solve_exactly
from cladeseg.clustering.multicut.local_search import SEARCHES, Search, cluster
from cladeseg.clustering.multicut.problem import Multicut, in_order, logit

__all__ = ["SEARCHES", "Certificate", "Multicut", "Search", "cluster", "in_order", "logit", "solve_exactly"]
