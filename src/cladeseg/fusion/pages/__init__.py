"""What people look at after an evaluation of fusion."""

from cladeseg.fusion.pages.evaluation_page import ExplainedPatient, write_fusion_page

__all__ = ["ExplainedPatient", "write_fusion_page"]
