"""Hide modalities from the network in training, so that it copes where a hospital did not acquire them."""

from __future__ import annotations

import torch

#: Subsets are counted in an int64.
_MAX_CHANNELS = 62


class ModalityDropout:
    """With some probability keep a random part of the channels and set the others to 0, the mean of a normalised image.

    One subset is drawn for the whole batch, so that a mix of two patches never joins images that show different
    modalities.  Every non-empty proper subset is equally likely.  In a batch with a case whose file lacks modalities,
    the kept channels may be the very ones that this case has not.

    Args:
        channels: number of channels C of the images.
        probability: chance, per batch, that anything is hidden.

    Raises:
        ValueError: fewer than 2 or more than 62 channels, or a probability outside [0, 1].

    Example:
        >>> hide = ModalityDropout(4, probability=1.0)
        >>> images, nodes = torch.ones(1, 4, 2, 2, 2), torch.zeros(1, 1, 2, 2, 2)
        >>> images, _ = hide(images, nodes, torch.Generator().manual_seed(0))
        >>> images[0].flatten(1).amax(1).tolist()  # one value for each channel
        [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, channels: int, probability: float = 0.5) -> None:
        if not 2 <= channels <= _MAX_CHANNELS:
            raise ValueError(f"channels: {channels}; hiding some and keeping some takes 2…{_MAX_CHANNELS}")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability: in [0, 1], not {probability}")
        self.channels = channels
        self.probability = probability

    def __call__(
        self,
        images: torch.Tensor,
        nodes: torch.Tensor,
        generator: torch.Generator,
        array_axes: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw and hide.

        Args:
            images: float (B, C, *S); left as they are, the result is a copy where anything is hidden.
            nodes: returned untouched.
            generator: CPU generator; its state alone decides the result, and each call takes as much from it.
            array_axes: not looked at.

        Raises:
            ValueError: the images have another number of channels.
        """
        if images.shape[1] != self.channels:
            raise ValueError(f"images of {images.shape[1]} channels; modality dropout was set up for {self.channels}")
        hidden = ~self.sample(generator)
        if not bool(hidden.any()):
            return images, nodes
        # Filled, not multiplied: what is hidden may hold anything and still becomes exactly 0.
        return images.masked_fill(hidden.to(images.device).view(1, -1, *[1] * (images.ndim - 2)), 0), nodes

    def sample(self, generator: torch.Generator) -> torch.Tensor:
        """Bool (C,) on the CPU, the channels that stay; all of them where nothing is hidden."""
        strikes = torch.rand((), generator=generator) < self.probability
        # Numbers 1 … 2^C - 2, read as bits, are the subsets without the empty and the full one.
        subset = torch.randint(1, 2**self.channels - 1, (), generator=generator)
        bits = (subset >> torch.arange(self.channels)) & 1
        return bits.bool() | ~strikes
