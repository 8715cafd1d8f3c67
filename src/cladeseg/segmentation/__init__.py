"""Subclass segmentation of volumes: learns the parts from few fine labels and many outlines."""
