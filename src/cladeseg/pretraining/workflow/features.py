"""Features of whole cases by a pre-trained encoder: npz files, and pictures of their principal components."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from cladeseg.bundle.run_folder import RunFolder, configure_logging
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, atomic_write, file_stamp, one_line, remove_leftovers
from cladeseg.pretraining.tasks import PretrainingNet, build_pretraining_net
from cladeseg.pretraining.workflow.encoder import ENCODER, describe, find_encoder
from cladeseg.pretraining.workflow.plan import PretrainingPlan
from cladeseg.pretraining.workflow.settings import NO_TASK
from cladeseg.segmentation.data import channel_files
from cladeseg.segmentation.engines.weights import read_state
from cladeseg.segmentation.inferers import sliding_window
from cladeseg.segmentation.transforms import preprocessing
from cladeseg.segmentation.workflow.prediction import image_cases
from cladeseg.tasks import Machines, Task, drop_stale, missing_tasks, raise_failures, run_tasks

logger = logging.getLogger(__name__)

_KEYS = ("network", "axis_order", "spacing", "patch_size", "channels", "intensity")
#: Voxels from which the principal components are computed.
_SAMPLE = 20_000
#: Percentiles of a component that are black and full colour.
_RANGE = (2, 98)
_SLICES = 3


@dataclass(frozen=True, kw_only=True)
class TrainedEncoder:
    """An encoder's file with what its description says.

    Attributes:
        path: ``encoder.safetensors``.
        description: see ``model.json`` beside it.
    """

    path: Path
    description: Mapping[str, Any]


def trained_encoder(output_dir: str | Path, weights: str | Path | None = None) -> TrainedEncoder:
    """The run's encoder, or the named one.

    Raises:
        DataError: it is missing, not the recorded one, or not described.
    """
    path = find_encoder(output_dir, weights)
    return TrainedEncoder(path=path, description=describe(path, _KEYS))


def encoder_network(model: TrainedEncoder) -> PretrainingNet:
    """The encoder with its weights.

    Raises:
        DataError: they belong to another network.
    """
    network = build_pretraining_net(model.description["network"], projected=0, reconstruct=False)
    try:
        network.load_state_dict(read_state(model.path))
    except (RuntimeError, TypeError) as error:
        cause = one_line(error, 200)
        raise DataError(f"{model.path}: belongs to another network than model.json describes ({cause})") from error
    return network.eval()


def encoder_or_untrained(output_dir: str | Path, weights: str | Path | None = None) -> PretrainingNet:
    """The encoder; the default network with untrained weights where a run has none, so that configs can be checked.

    Args:
        output_dir: folder of the run.
        weights: see :func:`trained_encoder`.

    Raises:
        DataError: the file that is there, or named, cannot be used.
    """
    if weights is None and not (RunFolder(output_dir).models / ENCODER).is_file():
        # with a modality named, no folder is looked at
        network = PretrainingPlan(settings={"data": {"channels": ["image"]}}, task=NO_TASK).network
        return build_pretraining_net(network, projected=0, reconstruct=False).eval()
    return encoder_network(trained_encoder(output_dir, weights))


@torch.no_grad()
def case_features(network: nn.Module, image: Tensor, patch_size: Sequence[int], overlap: float = 0.25) -> Tensor:
    """Features (F, *S) of a preprocessed image (C, *S), in windows of the training patch's size.

    Args:
        network: maps (N, C, *S) to (N, F, *S).
        image: the image.
        patch_size: voxels of a window.
        overlap: share of a window that the next one covers again.
    """
    device = next(network.parameters()).device
    plain = torch.as_tensor(image).as_subclass(torch.Tensor)[None].to(device)
    return torch.as_tensor(sliding_window(patch_size, overlap)(plain, network))[0].cpu()


class FeatureWork:
    """Callable with a case: writes its features and their picture, and returns what they were made from.

    Another process loads the encoder again, instead of being sent it.

    Args:
        model: the encoder.
        network: the same with its weights, on its device.
        folder: of the features, as an absolute path.
        overlap: see :func:`case_features`.
    """

    def __init__(self, model: TrainedEncoder, network: PretrainingNet, folder: Path, overlap: float) -> None:
        self.model, self.network, self.folder, self.overlap = model, network, folder, overlap

    def __reduce__(self) -> tuple[Any, ...]:
        """The encoder's file, and the kind of device that it was on."""
        model = TrainedEncoder(path=self.model.path.absolute(), description=self.model.description)
        device = next(self.network.parameters()).device.type
        return _work_of, (model, device, self.folder, self.overlap)

    def __call__(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Write the features of a case.

        Args:
            case: ``case``, ``image``, where images have several modalities ``modalities``, and ``made_from``.

        Raises:
            DataError: the image cannot be used, or a file cannot be written.
        """
        about = self.model.description
        chain = preprocessing(
            spacing=about["spacing"],
            axis_order=about["axis_order"],
            intensity=about["intensity"],
            modalities=about["channels"],
            use=case.get("modalities"),
        )
        image = chain({"image": case["image"]})["image"]
        features = case_features(self.network, image, about["patch_size"], self.overlap)
        with atomic_write(self.folder / f"{case['case']}.npz") as temporary:
            np.savez_compressed(temporary, features=features.half().numpy(), affine=np.asarray(image.affine))
        with atomic_write(self.folder / f"{case['case']}.png") as temporary:
            picture = pca_picture(torch.as_tensor(image)[0].numpy(), features.numpy())
            Image.fromarray(picture).save(temporary, format="PNG")
        return {"made_from": case["made_from"]}


def _work_of(model: TrainedEncoder, device: str, folder: Path, overlap: float) -> FeatureWork:
    return FeatureWork(model, encoder_network(model).to(device), folder, overlap)


def run_features(
    *,
    model: TrainedEncoder,
    network: PretrainingNet,
    dataset_dir: str | Path,
    output_dir: str | Path,
    modalities: str | Sequence[str] | None = None,
    overlap: float = 0.25,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | Path | None = None,
) -> None:
    """Write ``features/CASE.npz`` and ``features/CASE.png`` for every image of a folder.

    The arrays are ``features`` float16 (F, x, y, z) and ``affine`` (4, 4) of the grid that the network sees.  A case
    whose ``features/CASE.json`` says that it was made from the same files in the same way is left as it is.

    Args:
        model: the encoder.
        network: the same with its weights, on its device.
        dataset_dir: the images; cases may lack modalities.
        output_dir: folder of the run.
        modalities: the ones that are looked at; all that a case has if ``None``.
        overlap: see :func:`case_features`.
        workers: see :class:`~cladeseg.tasks.Machines`, as are the following.
        scheduler: address of a running Dask scheduler.
        slurm: file with options for jobs of SLURM.

    Raises:
        DataError: an image cannot be used, or a file cannot be written; the features of the others are.
    """
    configure_logging()
    machines = Machines(workers=workers, scheduler=scheduler, slurm=None if slurm is None else Path(slurm))
    remove_leftovers(output_dir)
    cases = image_cases(dataset_dir, output_dir, modalities=model.description["channels"], use=modalities)
    folder = Path(output_dir).absolute() / "features"
    request = {"encoder": sha256_of(model.path), "overlap": overlap}
    work = FeatureWork(model, network, folder, overlap)
    tasks = [
        Task(
            case["case"],
            {
                **case,
                "made_from": {**request, "files": [file and file_stamp(file) for file in channel_files(case["image"])]},
            },
            folder / f"{case['case']}.json",
        )
        for case in cases
    ]
    drop_stale(tasks)
    missing = missing_tasks(tasks)
    raise_failures(list(tqdm(run_tasks(work, missing, machines), total=len(missing), desc="features", unit="case")))
    logger.info("features of %d cases are in %s", len(cases), folder)


def pca_picture(image: np.ndarray, features: np.ndarray) -> np.ndarray:
    """A few slices of an image, and below them its features' three principal components as red, green and blue.

    Args:
        image: (x, y, z).
        features: (F, x, y, z).

    Returns:
        uint8 (2 · y, slices · x, 3).
    """
    colours = principal_components(features)
    shades = np.repeat(_scaled(image)[..., None], 3, axis=-1)
    levels = ((np.arange(_SLICES) + 0.5) * image.shape[2] / _SLICES).astype(int)
    rows = [[volume[:, :, z].transpose(1, 0, 2)[::-1] for z in levels] for volume in (shades, colours)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def principal_components(features: np.ndarray) -> np.ndarray:
    """The first three principal components of features (F, *S) as uint8 (*S, 3); missing ones are black."""
    flat = features.reshape(len(features), -1).T.astype(np.float32)
    stride = max(1, len(flat) // _SAMPLE)
    centre = flat[::stride].mean(axis=0)
    _, _, directions = np.linalg.svd(flat[::stride] - centre, full_matrices=False)
    projected = np.zeros((len(flat), 3), dtype=np.float32)
    projected[:, : len(directions[:3])] = (flat - centre) @ directions[:3].T
    scaled = np.stack([_scaled(column) for column in projected.T], axis=-1)
    return scaled.reshape(*features.shape[1:], 3)


def _scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, _RANGE)
    return np.rint(255 * np.clip((values - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)
