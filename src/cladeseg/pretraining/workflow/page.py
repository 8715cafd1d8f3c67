"""The page of a pre-training: its course, its diagnostics, and what it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image

from cladeseg.files import atomic_write
from cladeseg.pretraining.workflow.view_picture import view_picture
from cladeseg.pretraining.workflow.workflow import PretrainingWorkflow, make_views
from cladeseg.segmentation.engines import read_history
from cladeseg.segmentation.engines.trainer import step_generator

PAGE, PICTURE = "pretraining.md", "views.png"
#: Epochs that the table shows, at most.
_ROWS = 12
_MEANING = (
    "`alignment`: mean squared distance of one place in two views, 0 is perfect, 2 is chance. "
    "`uniformity`: 0 if all places look alike, the lower the more they differ. "
    "`effective_rank`: directions that the features spread over; a training ends where it falls below "
    "`diagnostics.min_rank`."
)


def write_training_page(workflow: PretrainingWorkflow) -> None:
    """Write ``pretraining.md`` and ``views.png`` into the run's folder.

    Raises:
        DataError: a file cannot be written.
    """
    folder = workflow.plan.run_folder.evaluation.parent
    rows = read_history(workflow.plan.run_folder.history, workflow.trainer.state.epoch)
    with atomic_write(folder / PICTURE) as temporary:
        Image.fromarray(_picture(workflow)).save(temporary, format="PNG")
    with atomic_write(folder / PAGE) as temporary:
        temporary.write_text(training_page(rows, workflow.plan.run_folder.root), encoding="utf-8", newline="\n")


def training_page(rows: Sequence[Mapping[str, str]], name: object) -> str:
    """The page as Markdown.

    Args:
        rows: one for each epoch, as the history has them.
        name: what the title calls the run.
    """
    columns = [column for column in rows[-1] if column not in ("step", "learning_rate")]
    stride = max(1, len(rows) // _ROWS)
    shown = [*rows[:-1:stride], rows[-1]]
    head = [column.removeprefix("train_") for column in columns]
    table = [head, ["---:"] * len(head), *([row.get(column, "") for column in columns] for row in shown)]
    lines = [
        f"# Pre-training {name}",
        "",
        *(f"| {' | '.join(_short(cell) for cell in line)} |" for line in table),
        "",
        _MEANING,
        "",
        f"![two views of a case]({PICTURE})",
        "",
        "Each row is one view of one modality: the image with the frame of the overlap and the compared places, what "
        "the network saw, and what it restored where something was hidden.",
    ]
    return "\n".join(lines) + "\n"


def _short(cell: str) -> str:
    try:
        return f"{float(cell):.4g}"
    except ValueError:
        return cell


def _picture(workflow: PretrainingWorkflow) -> np.ndarray:
    """Views of one case by the shipped weights."""
    sample = workflow.training[(0, workflow.settings.seed)]
    network = workflow.teacher.network
    device = next(network.parameters()).device
    image, nodes = (sample[key][None].to(device) for key in ("image", "nodes"))
    maker = make_views(workflow.plan)
    maker.views = max(2, maker.views)
    generator = step_generator(workflow.settings.seed, 0)
    views = maker(image, nodes, generator, array_axes=torch.as_tensor(sample["array_axes"])[None])
    return view_picture(views, network)  # type: ignore[arg-type]
