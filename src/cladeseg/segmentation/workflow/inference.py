"""The parts of a bundle's ``inference.json``: each from the description of the weights that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.inferers import Inferer
from monai.transforms import Compose

from cladeseg.bundle.trained_tree import check_tree
from cladeseg.files import DataError, one_line
from cladeseg.segmentation.engines import load_pretrained
from cladeseg.segmentation.networks import HierarchicalNet, TwoPassNet
from cladeseg.segmentation.transforms import preprocessing
from cladeseg.segmentation.workflow.inference_profiles import profiled_inferer
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.segmentation.workflow.prediction import image_cases
from cladeseg.segmentation.workflow.trained import TrainedModel, network_from
from cladeseg.taxonomy import Taxonomy


def untrained_network(plan: TrainingPlan) -> HierarchicalNet | TwoPassNet:
    """The untrained network that a training's settings describe, with a pre-trained backbone where they name one.

    A training that goes on has weights of its own, and the file may be gone.

    Raises:
        DataError: nothing of the named file fits; see :func:`~cladeseg.segmentation.engines.load_pretrained`.
    """
    network = network_from(plan.network, plan.taxonomy, plan.first_pass)
    pretrained, goes_on = plan.settings.pretrained, plan.resume and plan.run_folder.state.is_file()
    if pretrained is not None and not goes_on:
        load_pretrained(network, pretrained, channels=plan.settings.data.channels)
    return network


def model_network(model: TrainedModel, taxonomy: Taxonomy) -> HierarchicalNet | TwoPassNet:
    """The network that the weights belong to, without them.

    Raises:
        DataError: they were trained on another tree, and the message names what changed in it; or their description
            is of no network.
    """
    source = model.described_by or "the weights"
    if model.taxonomy is not None:
        check_tree(model.taxonomy, taxonomy, source)
    try:
        return network_from(model.network, taxonomy, model.first_pass)
    except Exception as error:  # PyTorch and MONAI have no common type for an impossible size
        cause = one_line(error, 200)
        raise DataError(f"{source}: 'network' describes none that can be built ({cause})") from error


def model_preprocessing(model: TrainedModel, use: str | Sequence[str] | None = None) -> Compose:
    """From image files to what the network was trained on.

    Args:
        model: the weights' description.
        use: the modalities that are looked at; all if ``None``.
    """
    return preprocessing(
        spacing=model.spacing,
        axis_order=model.axis_order,
        intensity=model.intensity,
        modalities=model.channels,
        use=use,
    )


def model_inferer(
    model: TrainedModel, overlap: float = 0.25, profile: str = "best", taxonomy: Taxonomy | None = None
) -> Inferer:
    """Windows of the training patch's size, or both passes of a network that has two, as thorough as a profile says.

    See :func:`~cladeseg.segmentation.inferers.sliding_window`,
    :class:`~cladeseg.segmentation.inferers.TwoPassInferer` and
    :class:`~cladeseg.segmentation.inferers.CoarseToFineInferer`.

    Args:
        model: the weights' description.
        overlap: share of a window that the next one covers again.
        profile: ``"best"`` searches the whole volume with weights of one pass; ``"balanced"`` and ``"fast"`` only look
            closely where a first look finds structures.
        taxonomy: the label tree; for the latter two.

    Raises:
        ValueError: no such profile, or it needs the tree and there is none.
    """
    return profiled_inferer(
        profile, taxonomy, first_pass=model.first_pass, patch_size=model.patch_size, overlap=overlap
    )


def model_keep_largest(model: TrainedModel) -> list[str]:
    """Superclasses of which only the largest component is kept, as the weights' description says."""
    return list(model.keep_largest)


def model_cases(
    model: TrainedModel,
    dataset_dir: str | Path,
    output_dir: str | Path | None = None,
    use: str | Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """The images of a folder, checked; see :func:`~cladeseg.segmentation.workflow.image_cases`.

    Raises:
        DataError: there are none, or some cannot be predicted; the message names the files.
    """
    return image_cases(dataset_dir, output_dir, modalities=model.channels, use=use)
