"""Which case to label next: the one whose leaves are least certain given their superclass."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cladeseg.files import DataError
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.selection import case_uncertainty
from cladeseg.segmentation.workflow import load_predictor
from cladeseg.taxonomy import load_taxonomy

logger = logging.getLogger(__name__)


class Datastore(Protocol):
    """What a strategy needs of MONAI Label's datastore."""

    def get_unlabeled_images(self, label_tag: str | None, labels: Any) -> list[str]:
        """Names of the images without a final label."""

    def get_image_uri(self, image_id: str) -> str:
        """File of an image."""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """What was noted about an image."""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note something about an image."""


class ConditionalEntropy:
    """Active-learning strategy that MONAI Label calls as it calls its own.

    Images are scored with the bundle's weights by :func:`~cladeseg.segmentation.selection.case_uncertainty`, once for
    each state of the weights; the scores are kept in the datastore.  The first call after a promotion therefore
    predicts every unlabelled image.

    Args:
        bundle_root: the bundle's folder.
        device: where to predict.
    """

    NAME = "conditional_entropy"

    def __init__(self, bundle_root: str | Path, *, device: str = "auto") -> None:
        self.bundle_root = Path(bundle_root)
        self.device = device
        self.description = "Most uncertain leaves within their superclass"

    def info(self) -> dict[str, str]:
        """What the server says to its clients."""
        return {"description": self.description}

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """Propose an image.

        Args:
            request: may hold ``label_tag`` and ``labels``.
            datastore: MONAI Label's.

        Returns:
            ``{"id": name, "score": nats}``, or ``None`` if every image is labelled or none can be predicted.

        Raises:
            DataError: the bundle has no sound weights.
        """
        images = datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels"))
        scores = self._scores(sorted(images), datastore)
        if not scores:
            return None
        chosen = max(scores, key=scores.__getitem__)
        logger.info("%s: '%s' with %.4f nats of %d images", self.NAME, chosen, scores[chosen], len(scores))
        return {"id": chosen, "score": scores[chosen]}

    def _scores(self, images: list[str], datastore: Datastore) -> dict[str, float]:
        """Score of each image that can be predicted; what is not known yet is predicted now."""
        state = self._state_of_weights() if images else ""
        known = {image: datastore.get_image_info(image).get(self.NAME, {}) for image in images}
        missing = [image for image in images if known[image].get("weights") != state]
        predictor = load_predictor(self.bundle_root, device=self.device) if missing else None
        for image in missing:
            score = self._score(predictor, datastore.get_image_uri(image))
            known[image] = {"weights": state, "score": score}
            datastore.update_image_info(image, {self.NAME: known[image]})
        return {image: note["score"] for image, note in known.items() if note["score"] is not None}

    def _score(self, predictor: Predictor | None, file: str) -> float | None:
        taxonomy = load_taxonomy("configs/taxonomy.json", self.bundle_root)
        try:
            return case_uncertainty(predictor.log_probs(file).as_tensor(), taxonomy) if predictor else None
        except DataError as error:
            logger.warning("%s: not scored: %s", self.NAME, error)
            return None

    def _state_of_weights(self) -> str:
        file = self.bundle_root / "models" / "model.pt"
        return str(file.stat().st_mtime_ns) if file.is_file() else ""


def strategies_of(bundles: Mapping[str, str | Path]) -> dict[str, ConditionalEntropy]:
    """One strategy for each bundle of an app, called after it where there are several.

    Args:
        bundles: name → folder.
    """
    name = ConditionalEntropy.NAME
    single = len(bundles) == 1
    return {name if single else f"{name}_{each}": ConditionalEntropy(folder) for each, folder in bundles.items()}
