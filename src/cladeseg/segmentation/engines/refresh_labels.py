"""Make the pseudo labels of coarse cases anew during training, with what the teacher has learnt from the first ones."""

from __future__ import annotations

import logging
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from cladeseg.bundle.ranks import gathered, ranks, wait_for_all
from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.engines.trainer import TreeTrainer
from cladeseg.segmentation.transforms import slices_of

logger = logging.getLogger(__name__)

KEY = "propagated"


class Cases(Protocol):
    """A training data set whose maps can be replaced."""

    def __len__(self) -> int:
        """Number of cases."""
        ...

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A whole case."""
        ...

    def replace(self, index: int, key: str, value: Tensor) -> None:
        """Have a case hold another value from now on."""
        ...


#: (image (C, *S), nodes (1, *S), log p(leaf) (L, *S) of the teacher) → node map (1, *S), below what is known.
Labeller = Callable[[Tensor, Tensor, Tensor], Tensor]


class RefreshLabels:
    """Replace the cached labels of coarse cases after given shares of the training.

    The teacher predicts the box of each coarse case's regions, or the boxes that a case comes with, which are those of
    the second of two passes; its probabilities join place and intensity.  This comes at the start of an epoch, from the
    state that the checkpoint of the epoch before holds, so that a training which is interrupted makes the same labels
    again.  Later checkpoints need them: they are kept in ``folder``, one file for each refresh, and a resumed training
    reads the newest that is not newer than its state.

    Args:
        cases: the training data set, which gives whole cases with ``image``, ``nodes`` and ``propagated``, maybe with
            ``boxes``, int (K, 2, D).
        label: makes the labels of a case.
        inferer: ``inferer(images (1, C, *S), network)`` → log p(leaf) (1, L, *S).
        shares: of the epochs after which to refresh, above 0 and below 1.
        folder: for the files.
        superclasses: nodes whose regions are labelled.
        margin: voxels that the teacher sees round the box of the regions, along each axis; boxes that a case comes
            with have theirs.

    Raises:
        DataError: at the start of a resumed training; its labels are missing or damaged.
    """

    def __init__(
        self,
        cases: Cases,
        label: Labeller,
        inferer: Callable[[Tensor, nn.Module], Tensor],
        *,
        shares: Sequence[float],
        folder: str | Path,
        superclasses: Sequence[int],
        margin: Sequence[int] = (8, 8, 8),
    ) -> None:
        self.cases = cases
        self.label = label
        self.inferer = inferer
        self.shares = tuple(shares)
        self.folder = Path(folder)
        self.superclasses = tuple(superclasses)
        self.margin = tuple(margin)
        self._loading = False

    def attach(self, engine: Engine) -> None:
        """Attach anywhere."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._refresh_if_due)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._note_loading)

    def epochs(self, total: int) -> list[int]:
        """Epochs, counted from 1, at whose start the labels are made anew.

        Example:
            >>> RefreshLabels([], max, max, shares=(0.4, 0.7), folder="", superclasses=()).epochs(10)
            [5, 8]
        """
        after = {min(max(round(share * total), 1), total - 1) for share in self.shares}
        return sorted(epoch + 1 for epoch in after if epoch > 0)

    def _start(self, engine: TreeTrainer) -> None:
        self._loading = False
        done = [epoch for epoch in self.epochs(engine.state.max_epochs) if epoch <= engine.state.epoch]
        stored = [epoch for epoch in self._stored() if epoch <= engine.state.epoch]
        if stored:
            self._restore(self._file(max(stored)))
        elif done:
            raise DataError(f"{self._file(done[-1])}: is missing, and the training cannot go on without; start it anew")

    def _note_loading(self, engine: TreeTrainer) -> None:
        self._loading = True

    def _refresh_if_due(self, engine: TreeTrainer) -> None:
        if engine.state.epoch not in self.epochs(engine.state.max_epochs):
            return
        parts = gathered([self._labels_of(i, engine) for i in ranks().part(len(self.cases))])
        changed = {name: nodes for part in parts for name, nodes in part if nodes is not None}
        if ranks().first:
            _write(changed, self._file(engine.state.epoch))
        wait_for_all()  # nobody trains with labels that a resumed training could not have
        self._replace(changed)
        logger.info("epoch %d: labels of %d coarse cases made anew with the teacher", engine.state.epoch, len(changed))
        if self._loading:  # the loader's processes hold copies, and have prepared samples with the labels of before
            engine.data_loader.batch_sampler.start_step = engine.state.iteration
            engine.set_data(engine.data_loader)

    @torch.no_grad()
    def _labels_of(self, index: int, engine: TreeTrainer) -> tuple[str, np.ndarray | None]:
        """A case's name and its new labels (1, *S); none for a case without a coarse region."""
        case = self.cases[index]
        image, nodes = (case[key].as_subclass(Tensor) for key in ("image", "nodes"))
        coarse = torch.isin(nodes[0], torch.tensor(self.superclasses, dtype=nodes.dtype))
        if not coarse.any():
            return case["case"], None
        boxes = [_box(coarse, self.margin)] if "boxes" not in case else [slices_of(box) for box in case["boxes"]]
        teacher = self._predicted(image, boxes, engine)
        return case["case"], self.label(image, nodes, teacher).to(torch.uint8).numpy()

    def _predicted(self, image: Tensor, boxes: Sequence[tuple[slice, ...]], engine: TreeTrainer) -> Tensor:
        """The teacher's log p(leaf) (L, *S) in the boxes of an image (C, *S); 0, which says nothing, elsewhere."""
        network, device = engine.teacher.network.eval(), engine.state.device
        parts = [self.inferer(image[box][None].to(device), network)[0].float().cpu() for box in boxes]
        whole = torch.zeros(len(parts[0]), *image.shape[1:])
        for box, part in zip(boxes, parts, strict=True):
            whole[box] = part
        return whole

    def _replace(self, maps: Mapping[str, np.ndarray]) -> None:
        for index in range(len(self.cases)):
            case = self.cases[index]
            if case["case"] in maps:
                self.cases.replace(index, KEY, torch.from_numpy(maps[case["case"]]).to(case["nodes"].dtype))

    def _restore(self, path: Path) -> None:
        maps = _read(path)
        shapes = {case["case"]: tuple(case["nodes"].shape) for case in (self.cases[i] for i in range(len(self.cases)))}
        for name, nodes in maps.items():
            if nodes.shape != shapes.get(name):
                raise DataError(f"{path}: the labels of '{name}' do not fit the data set; start the training anew")
        self._replace(maps)
        logger.info("%s: labels of %d coarse cases", path, len(maps))

    def _stored(self) -> list[int]:
        names = (re.fullmatch(r"epoch_(\d+)\.npz", path.name) for path in self.folder.glob("epoch_*.npz"))
        return [int(name[1]) for name in names if name]

    def _file(self, epoch: int) -> Path:
        return self.folder / f"epoch_{epoch:05d}.npz"


def _box(region: Tensor, margin: Sequence[int]) -> tuple[slice, ...]:
    """Index into (C, *S) of the box of a region (*S) with a margin, inside the volume."""
    inside = region.nonzero()
    first, last = inside.amin(0).tolist(), inside.amax(0).tolist()
    sides = (slice(max(a - m, 0), b + m + 1) for a, b, m in zip(first, last, margin, strict=True))
    return (slice(None), *sides)


def _write(maps: Mapping[str, np.ndarray], path: Path) -> None:
    """Node maps by case, compressed, as a whole file."""
    with atomic_write(path) as temporary:
        arrays: dict[str, Any] = {str(i): nodes for i, nodes in enumerate(maps.values())}
        np.savez_compressed(temporary, cases=np.array(list(maps), dtype=str), **arrays)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Node maps by case."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {str(name): file[str(i)] for i, name in enumerate(file["cases"])}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); start the training anew") from error
