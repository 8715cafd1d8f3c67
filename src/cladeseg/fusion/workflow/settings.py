"""Settings of a fusion run, each in one place with its type, range, default and meaning."""

from __future__ import annotations

from pydantic import Field

from cladeseg.bundle.settings import SettingsGroup
from cladeseg.fusion.features import ImageSettings
from cladeseg.fusion.fitting import FitSettings


class DataSettings(SettingsGroup):
    """Which patients and values are used."""

    allow_missing: bool = False
    """Take single missing values of expression; a patient without any is always taken."""
    group_by_site: bool = False
    """Hold out whole sites, which sites.csv names, so that no site is trained and tested on."""


class FusionSettings(FitSettings):
    """Everything that decides a training besides the data."""

    folds: int = Field(default=5, ge=2)
    """Parts of the labelled patients that are tested in turn."""
    data: DataSettings = DataSettings()
    images: ImageSettings = ImageSettings()

    def fit(self) -> FitSettings:
        """What a fit takes of them."""
        return FitSettings(genes=self.genes, network=self.network, training=self.training, seed=self.seed)
