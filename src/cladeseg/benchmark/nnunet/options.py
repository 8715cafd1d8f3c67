"""What a grid says about a method that is nnU-Net, and which of the bundle's settings such a run obeys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cladeseg.bundle.settings import SettingsGroup

#: Keys of a training config that decide the cases and their labels; all others are about our own training.
_OBEYED = (
    "fine_patients",
    "coarse_patients",
    "settings#data#label_convention",
    "settings#data#channels",
)
_OBEYED_GROUPS = ("settings#split#",)


class NnunetOptions(SettingsGroup):
    """How nnU-Net is trained; everything else it decides itself."""

    epochs: Literal[1, 5, 10, 20, 50, 100, 250, 1000]
    """Of 250 steps each; nnU-Net has a trainer for each of these numbers, and 1000 is its own default."""
    configuration: Literal["2d", "3d_fullres"] = "3d_fullres"
    """Its network, on slices or on volumes."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it trains and predicts; on a CPU with one thread, as every run of a benchmark."""

    @property
    def trainer(self) -> str:
        """Name of nnU-Net's trainer.

        Example:
            >>> NnunetOptions(epochs=5).trainer, NnunetOptions(epochs=1).trainer
            ('nnUNetTrainer_5epochs', 'nnUNetTrainer_1epoch')
        """
        if self.epochs == 1000:
            return "nnUNetTrainer"
        return f"nnUNetTrainer_{self.epochs}epoch" + ("s" if self.epochs > 1 else "")


def obeyed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of overlays and overrides, those that an nnU-Net run obeys: what decides the cases and their labels.

    Example:
        >>> obeyed({"epochs": 9, "fine_patients": 1, "settings#split#test_fraction": 0.3, "settings#mix#weight": 1.0})
        {'fine_patients': 1, 'settings#split#test_fraction': 0.3}
    """
    return {key: value for key, value in settings.items() if key in _OBEYED or key.startswith(_OBEYED_GROUPS)}


def nnunet_record(settings: Mapping[str, Any], options: NnunetOptions) -> dict[str, Any]:
    """What is kept with the result of a run.

    Args:
        settings: all settings of the bundle's training, as plain values.
        options: of nnU-Net.
    """
    data = {name: settings["data"][name] for name in ("layout", "label_convention", "channels")}
    kept = {name: settings[name] for name in ("fine_patients", "seed", "split")}
    return {**kept, "data": data, "nnunet": options.model_dump(mode="json")}
