"""Pages of an evaluation and of a study."""

from cladeseg.omics.pages.evaluation_page import write_omics_page

__all__ = ["write_omics_page"]
