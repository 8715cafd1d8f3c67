"""The task of restoring what is hidden: masked blocks, and modalities that a view does not show."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from cladeseg.pretraining.tasks.seen import Seen


class MaskedReconstruction:
    """Smooth L1 distance between what the decoder restores and the image, over the hidden voxels alone.

    Hidden is whatever an image has and the network did not see: masked blocks of modalities that are shown, and all of
    those that are not, which is cross-modal reconstruction (Rui et al., BrainMVP, arXiv 2410.10604).  A modality that
    the case lacks is neither seen nor restored.
    """

    def __call__(self, seen: Seen) -> Tensor:
        """The loss of a batch; 0 if nothing is hidden."""
        restored = restored_views(seen)
        hidden = seen.views.hidden
        distance = smooth_l1_loss(restored, seen.views.targets.to(restored.dtype), reduction="none")
        return distance.masked_fill(~hidden, 0.0).sum() / hidden.sum().clamp(min=1)


def restored_views(seen: Seen) -> Tensor:
    """What the decoder makes of each view, (V, B, C, *S).

    Raises:
        ValueError: the network has no decoder.
    """
    decoder = seen.network.decoder
    if decoder is None:
        raise ValueError("the network was built without a decoder; set reconstruction.enabled")
    return decoder(seen.features.flatten(0, 1)).unflatten(0, seen.features.shape[:2])
