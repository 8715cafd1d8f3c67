"""Pages that people look at: of an evaluation, of the comparison of two, and of predictions without truth."""

from cladeseg.segmentation.pages.comparison_page import write_comparison_page
from cladeseg.segmentation.pages.evaluation_cases import keep_evaluated, record_evaluation
from cladeseg.segmentation.pages.evaluation_page import write_evaluation_page
from cladeseg.segmentation.pages.page_record import PAGE
from cladeseg.segmentation.pages.prediction_cases import keep_prediction, record_predictions
from cladeseg.segmentation.pages.prediction_page import write_prediction_page
from cladeseg.segmentation.pages.validation_picture import ValidationPicture
from cladeseg.segmentation.pages.write_report import write_report

__all__ = [
    "PAGE",
    "ValidationPicture",
    "keep_evaluated",
    "keep_prediction",
    "record_evaluation",
    "record_predictions",
    "write_comparison_page",
    "write_evaluation_page",
    "write_prediction_page",
    "write_report",
]
