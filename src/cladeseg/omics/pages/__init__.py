"""Pages of an evaluation and of a study."""

from cladeseg.omics.pages.evaluation_page import embedded, write_omics_page

__all__ = ["embedded", "write_omics_page"]
