"""Oddities of real data sets, one kind per file, each with the threshold from which it is worth a line."""
