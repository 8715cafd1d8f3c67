"""The page of a training: its course, its diagnostics, what it saw and what came of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.pretraining.pages import PAGE, Picture, course_blocks, write_training_page
from cladeseg.pretraining.workflow.features import case_features, pca_picture
from cladeseg.pretraining.workflow.view_picture import view_picture
from cladeseg.pretraining.workflow.workflow import PretrainingWorkflow, make_views
from cladeseg.report import Block
from cladeseg.segmentation.engines import read_history
from cladeseg.segmentation.engines.trainer import step_generator


def write_page_of(workflow: PretrainingWorkflow) -> None:
    """Write ``report.html`` into the run's folder.

    Raises:
        DataError: it cannot be written.
    """
    plan, network = workflow.plan, workflow.teacher.network
    sample = workflow.training[(0, workflow.settings.seed)]
    view = Picture(_views(workflow, sample), "views of one case", "two views of a case, what was hidden and restored")
    write_training_page(
        plan.output_dir / PAGE,
        plan.output_dir.name,
        course_of(plan.run_folder, workflow.trainer.state.epoch, plan.settings.diagnostics.min_rank),
        views=view,
        components=[components(network, sample["image"], plan.settings.data.patch_size, "a training case")],
    )


def course_of(folder: RunFolder, epochs: int, min_rank: float) -> list[Block]:
    """Charts of a training; none where its history is not there.

    Args:
        folder: of the run.
        epochs: how many.
        min_rank: effective rank below which a training ends.
    """
    return course_blocks(read_history(folder.history, epochs), min_rank) if folder.history.is_file() else []


def components(network: nn.Module, image: Tensor, patch_size: Any, name: str) -> Picture:
    """The principal components of a preprocessed image (C, *S).

    Args:
        network: the encoder.
        image: the image.
        patch_size: voxels of a window.
        name: of the case.
    """
    features = case_features(network, image, patch_size)
    pixels = pca_picture(torch.as_tensor(image)[0].numpy(), features.numpy())
    return Picture(pixels, name, f"image and principal components of the features of {name}")


def _views(workflow: PretrainingWorkflow, sample: dict[str, Any]) -> Any:
    """Views of one case by the shipped weights."""
    network = workflow.teacher.network
    device = next(network.parameters()).device
    image, nodes = (sample[key][None].to(device) for key in ("image", "nodes"))
    maker = make_views(workflow.plan)
    maker.views = max(2, maker.views)
    generator = step_generator(workflow.settings.seed, 0)
    views = maker(image, nodes, generator, array_axes=torch.as_tensor(sample["array_axes"])[None])
    return view_picture(views, network)  # type: ignore[arg-type]
