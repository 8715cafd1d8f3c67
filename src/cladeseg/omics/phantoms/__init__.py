"""Cohorts whose omics are as informative as one plants."""

from cladeseg.omics.phantoms.omics_phantom import generate_omics, write_omics_phantom

__all__ = ["generate_omics", "write_omics_phantom"]
