"""Settings are typed, refused by name with the nearest key, and documented from their definition."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, model_validator

from cladeseg.bundle.settings import (
    SettingsError,
    SettingsGroup,
    described_settings,
    flat,
    nearest_key,
    read_settings,
    setting_names,
    settings_reference,
)


class Mix(SettingsGroup):
    """How images are mixed."""

    weight: Annotated[float, Field(ge=0)] = 1.0
    """Full weight of the loss."""
    kind: Literal["hard", "soft"] = "hard"
    """Kind of paste."""
    shares: tuple[Annotated[float, Field(gt=0)], float] = (0.5, 1.0)
    """Range of the share."""
    keep: dict[str, float] | float | None = None
    """Share that is kept, by name."""

    @model_validator(mode="after")
    def _ordered(self) -> Mix:
        if self.shares[0] > self.shares[1]:
            raise ValueError("shares: the first is above the second")
        return self


class Settings(SettingsGroup):
    """All of them."""

    steps: Annotated[int, Field(ge=1)] = 10
    """Number of steps."""
    amp: bool = False
    """Whether half precision is used."""
    mix: Mix = Mix()


def refusal(content: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(Settings, content)
    return str(caught.value)


def test_what_is_left_out_keeps_its_default() -> None:
    found = read_settings(Settings, {"mix": {"weight": 0.5}})
    assert (found.steps, found.mix.weight, found.mix.kind) == (10, 0.5, "hard")


def test_lists_and_whole_numbers_are_taken_for_ranges_and_numbers() -> None:
    assert read_settings(Settings, {"mix": {"shares": [1, 2], "weight": 2}}).mix.shares == (1.0, 2.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mix": {"wieght": 1}}, "settings#mix#wieght: there is no such setting; did you mean settings#mix#weight?"),
        ({"mxi": {"weight": 1}}, "settings#mxi: there is no such setting; did you mean settings#mix?"),
        ({"weight": 1}, "settings#weight: there is no such setting; did you mean settings#mix#weight?"),
        ({"step": 1}, "settings#step: there is no such setting; did you mean settings#steps?"),
    ],
)
def test_a_key_that_does_not_exist_is_refused_with_the_nearest(content: dict[str, Any], message: str) -> None:
    assert refusal(content) == message


@pytest.mark.parametrize(
    ("content", "start", "end"),
    [
        ({"steps": 0}, "settings#steps: 0 does not fit", "expected whole number ≥ 1"),
        ({"steps": 2.5}, "settings#steps: 2.5 does not fit", "expected whole number ≥ 1"),
        ({"steps": "2"}, 'settings#steps: "2" does not fit', "expected whole number ≥ 1"),
        ({"steps": True}, "settings#steps: true does not fit", "expected whole number ≥ 1"),
        ({"amp": "false"}, 'settings#amp: "false" does not fit', "expected true or false"),
        ({"amp": 1}, "settings#amp: 1 does not fit", "expected true or false"),
        ({"mix": {"kind": "harsh"}}, 'settings#mix#kind: "harsh" does not fit', 'expected "hard", "soft"'),
        ({"mix": {"shares": [0, 1]}}, "settings#mix#shares: 0 does not fit", "expected [number > 0, number]"),
        ({"mix": {"shares": [1]}}, "settings#mix#shares: [1] does not fit", "expected [number > 0, number]"),
        ({"mix": {"keep": "x"}}, 'settings#mix#keep: "x" does not fit', "expected object of number or number or null"),
        ({"mix": 3}, "settings#mix: 3 does not fit", "expected an object of settings"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(content: dict[str, Any], start: str, end: str) -> None:
    message = refusal(content)
    assert message.startswith(start)
    assert message.endswith(end)


def test_a_rule_between_settings_names_its_group() -> None:
    assert refusal({"mix": {"shares": [2, 1]}}) == "settings#mix: shares: the first is above the second"


def test_every_fault_is_named_at_once() -> None:
    message = refusal({"steps": 0, "mix": {"wieght": 1, "kind": "x"}})
    assert all(name in message for name in ("settings#steps", "settings#mix#wieght", "settings#mix#kind"))


def test_what_json_cannot_write_is_refused() -> None:
    with pytest.raises(SettingsError, match="JSON"):
        read_settings(Settings, {"steps": object()})


def test_settings_are_never_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().mix.weight = 2.0  # type: ignore[misc]


# ---- names and reference ---------------------------------------------------------------------------------------------


def test_names_are_full_and_in_the_order_of_definition() -> None:
    assert setting_names(Settings) == ["steps", "amp", "mix.weight", "mix.kind", "mix.shares", "mix.keep"]


def test_flat_names_are_those_of_the_model() -> None:
    assert list(flat(Settings().model_dump())) == setting_names(Settings)


def test_a_setting_is_described_by_type_range_default_and_meaning() -> None:
    by_name = {described.name: described for described in described_settings(Settings)}
    assert by_name["mix.weight"][1:] == ("number ≥ 0", "1.0", "Full weight of the loss.")
    assert by_name["mix.shares"].default == "[0.5, 1.0]"


def test_the_reference_has_a_table_for_each_group() -> None:
    page = settings_reference(Settings)
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Top level", "## mix"]
    assert '| `mix.kind` | "hard", "soft" | `"hard"` | Kind of paste. |' in page
    assert "How images are mixed." in page


@pytest.mark.parametrize(
    ("written", "meant"),
    [("epoch", "epochs"), ("weight", "settings#mix#weight"), ("mix_weight", "settings#mix#weight"), ("sed", "seed")],
)
def test_a_misspelt_key_is_matched_with_keys_and_settings(written: str, meant: str) -> None:
    assert nearest_key(written, ["epochs", "seed", "settings"], ["mix.weight", "mix.kind"]) == meant
