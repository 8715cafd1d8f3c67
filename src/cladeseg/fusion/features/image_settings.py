"""Settings of the way from images to features, each with its unit, range and default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from cladeseg.bundle.settings import SettingsGroup

if TYPE_CHECKING:
    from typing_extensions import Self


class ImageSettings(SettingsGroup):
    """What is read from slides and tiles, and which network sees it."""

    backbone: Literal["efficientnet_lite0", "resnet50"] = "efficientnet_lite0"
    """The network: the small one, whose ImageNet weights come with a package, or ResNet-50 with a weight file."""
    weights: str | None = None
    """File with the weights of resnet50: a state dict as torchvision or MONAI store it, or safetensors."""
    weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Its SHA-256, which is compared before the file is opened."""
    microns_per_pixel: float = Field(default=0.5, gt=0)
    """Resolution of tiles of slides in µm per pixel; loose tiles are taken as they are."""
    slide_microns_per_pixel: float | None = Field(default=None, gt=0)
    """Resolution of the finest level in µm per pixel, for slides whose scanner did not write it."""
    reader: Literal["auto", "openslide", "tifffile", "cucim"] = "auto"
    """MONAI's reader of slides; auto takes the first that is installed and opens the slide."""
    tile_size: Literal[224, 256] = 224
    """Edge of a tile in pixels at that resolution; loose tiles are resized to it."""
    stain_normalisation: bool = True
    """Macenko: haematoxylin and eosin of every slide take the same colours and strengths."""
    max_tiles: int = Field(default=200, ge=1)
    """Tiles of a patient at most; of more, a drawing by seed is taken, spread over the slides."""
    batch_size: int = Field(default=32, ge=1)
    """Tiles that go through the network at a time; features do not depend on it."""
    min_tissue: float = Field(default=0.5, ge=0, le=1)
    """Share of a tile that must be tissue; below it the tile is empty."""
    min_sharpness: float = Field(default=5.0, ge=0)
    """Least standard deviation of the Laplacian of the grey level (0–255) over tissue; below it the tile is blurred."""
    seed: int = Field(default=0, ge=0)
    """Of the drawing of tiles."""
    device: str = "auto"
    """Where the network runs: auto, cpu or cuda."""

    @model_validator(mode="after")
    def _resnet_has_weights(self) -> Self:
        if self.backbone == "resnet50" and (self.weights is None or self.weights_sha256 is None):
            raise ValueError(
                "backbone 'resnet50' needs weights (a file) and weights_sha256; 'efficientnet_lite0' needs neither"
            )
        return self
