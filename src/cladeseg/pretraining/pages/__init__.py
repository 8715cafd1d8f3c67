"""What a pre-training and its evaluation show, as blocks of report/."""

from cladeseg.pretraining.pages.course_blocks import course_blocks
from cladeseg.pretraining.pages.pretraining_page import (
    PAGE,
    PRETRAINED,
    RANDOM,
    SCRATCH,
    write_evaluation_page,
    write_training_page,
)
from cladeseg.report import Picture, picture_block

__all__ = [
    "PAGE",
    "PRETRAINED",
    "RANDOM",
    "SCRATCH",
    "Picture",
    "course_blocks",
    "picture_block",
    "write_evaluation_page",
    "write_training_page",
]
