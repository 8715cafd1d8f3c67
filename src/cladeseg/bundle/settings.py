"""Settings of a run: typed, validated and documented in one place, the fields of a pydantic model.

A wing defines its groups as subclasses of :class:`SettingsGroup`; a bundle's config holds only what differs from the
defaults, nested like the model.  One setting is named ``mix.weight`` in prose and on our command line, and
``settings#mix#weight`` in MONAI's configs and overrides.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from cladeseg.files import DataError

#: What separates the levels of a setting's name in MONAI's configs.
SEPARATOR = "#"


class SettingsError(DataError):
    """A setting that does not exist, or a value that it cannot have; the message names the key and the way out."""


class SettingsGroup(BaseModel):
    """Settings that belong together; each field's docstring says what it means, with its unit."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


Model = TypeVar("Model", bound=SettingsGroup)


def read_settings(model: type[Model], content: Mapping[str, Any], *, source: str = "settings") -> Model:
    """Check plain values against a model.

    Values are taken strictly, as JSON writes them: the text ``"false"`` is no switch and ``2.5`` no number of steps.

    Args:
        model: the settings' type.
        content: nested values; what is left out keeps its default.
        source: what the messages begin with, e.g. a file, or the key of a config.

    Raises:
        SettingsError: the first key that does not exist, with the nearest one that does; or the first value that does
            not fit, with what would.
    """
    try:
        return model.model_validate_json(json.dumps(dict(content)), strict=True)
    except ValidationError as error:
        raise SettingsError("; ".join(_message(model, fault, source) for fault in _shown(error.errors()))) from None
    except TypeError as error:
        raise SettingsError(f"{source}: holds something that JSON cannot write ({error})") from error


def setting_names(model: type[SettingsGroup]) -> list[str]:
    """All settings of a model by their full names, e.g. ``mix.weight``, in the order of their definition."""
    return [name for name, _, _ in _settings_of(model)]


def text_settings(model: type[SettingsGroup]) -> list[str]:
    """Settings that are text, or text or nothing, by their full names."""
    found = _settings_of(model)
    return [name for name, group, field in found if group.model_fields[field].annotation in (str, str | None)]


def _settings_of(model: type[SettingsGroup], prefix: str = "") -> Iterator[tuple[str, type[SettingsGroup], str]]:
    """Full name of every setting, the group that defines it, and its name there."""
    for name, field in model.model_fields.items():
        group = _group(field)
        if group is None:
            yield f"{prefix}{name}", model, name
        else:
            yield from _settings_of(group, f"{prefix}{name}.")


class Described(NamedTuple):
    """One setting of the reference page.

    Attributes:
        name: e.g. ``mix.weight``.
        kind: type and range as people read them.
        default: as JSON; empty if it must be given.
        meaning: the field's docstring.
    """

    name: str
    kind: str
    default: str
    meaning: str


def described_settings(model: type[SettingsGroup]) -> Iterator[Described]:
    """Every setting of a model with its type, range, default and meaning."""
    for full, group, name in _settings_of(model):
        field = group.model_fields[name]
        yield Described(full, _kind(group, name), _default(field), " ".join((field.description or "").split()))


def settings_reference(model: type[SettingsGroup]) -> str:
    """The reference page of all settings in Markdown, a table for each group."""
    rows = list(described_settings(model))
    groups = {name: group for name, field in model.model_fields.items() if (group := _group(field))}
    top = _table("Top level", model, [row for row in rows if "." not in row.name])
    return "\n".join(
        [
            top,
            *(
                _table(name, group, [row for row in rows if row.name.startswith(f"{name}.")])
                for name, group in groups.items()
            ),
        ]
    )


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by full names: ``{"mix": {"weight": 1}}`` becomes ``{"mix.weight": 1}``.

    Examples:
        >>> flat({"seed": 0, "mix": {"weight": 1.0}})
        {'seed': 0, 'mix.weight': 1.0}
    """
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def nearest_key(name: str, config: Collection[str], settings: Collection[str] = ()) -> str:
    """What somebody may have meant who wrote a key that a config does not have.

    Args:
        name: the key.
        config: the config's top-level keys.
        settings: full names of settings, each of which may have been written by its last part alone.

    Examples:
        >>> nearest_key("epoch", ["epochs", "seed"])
        'epochs'
        >>> nearest_key("mix_weight", ["epochs", "seed"], ["mix.weight", "network.head"])
        'settings#mix#weight'
    """
    known = {key: key for key in config}
    for setting in settings:
        key = SEPARATOR.join(("settings", *setting.split(".")))
        known |= {
            written: key for written in (setting.split(".")[-1], setting.replace(".", "_")) if written not in known
        }
    return known[difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]]


def nearest_setting(name: str, names: Collection[str]) -> str:
    """The full name that is most like what was written; a right last part in a wrong group counts most.

    Args:
        name: what was written, e.g. ``mxi.weight``.
        names: full names of settings, and of groups.

    Examples:
        >>> nearest_setting("mxi.weight", ["mix.weight", "mix.start"])
        'mix.weight'
    """
    last = name.rsplit(".", maxsplit=1)[-1]
    same_end = [known for known in names if known.split(".")[-1] == last]
    return difflib.get_close_matches(name, same_end or list(names), n=1, cutoff=0.0)[0]


# ---- messages --------------------------------------------------------------------------------------------------------


def _shown(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """The first fault of each key: the members of a union each report their own."""
    first: dict[tuple[Any, ...], ErrorDetails] = {}
    for fault in faults:
        place = tuple(
            part for part in fault["loc"] if isinstance(part, str) and "[" not in part and part.isidentifier()
        )
        first.setdefault(place[:2], fault)
    return list(first.values())


def _message(model: type[SettingsGroup], fault: ErrorDetails, source: str) -> str:
    place, group, field = _place(model, fault["loc"])
    key = SEPARATOR.join((source, *place))
    if fault["type"] == "extra_forbidden":
        return f"{key}: there is no such setting; did you mean {_nearest(model, place, source)}?"
    if fault["type"] == "value_error":
        return f"{key}: {fault['msg'].removeprefix('Value error, ')}"
    expected = f"; expected {_kind(group, place[-1])}" if field is not None else ""
    return f"{key}: {json.dumps(fault['input'], default=str)} does not fit ({fault['msg'].lower()}){expected}"


def _place(
    model: type[SettingsGroup], location: tuple[int | str, ...]
) -> tuple[tuple[str, ...], type[SettingsGroup], FieldInfo | None]:
    """The names on the way to a fault, the group that holds the last of them, and its field if there is one."""
    place: list[str] = []
    group, field = model, None
    for part in location:
        place.append(str(part))
        field = group.model_fields.get(str(part))
        inner = None if field is None else _group(field)
        if inner is None or len(place) == len(location):
            break
        group = inner
    return tuple(place), group, field


def _nearest(model: type[SettingsGroup], place: tuple[str, ...], source: str) -> str:
    names = setting_names(model) + [name for name, field in model.model_fields.items() if _group(field)]
    return SEPARATOR.join((source, *nearest_setting(".".join(place), names).split(".")))


# ---- reference -------------------------------------------------------------------------------------------------------


def _table(title: str, group: type[SettingsGroup], rows: Sequence[Described]) -> str:
    text = " ".join((group.__doc__ or "").split())
    head = [f"## {title}", "", text, "", "| setting | type and range | default | meaning |", "|---|---|---|---|"]
    lines = [f"| `{row.name}` | {row.kind} | {row.default and f'`{row.default}`'} | {row.meaning} |" for row in rows]
    return "\n".join([*head, *lines, ""])


def _group(field: FieldInfo) -> type[SettingsGroup] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, SettingsGroup) else None


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return json.dumps(field.get_default(call_default_factory=True), default=list)
    return "" if field.default is PydanticUndefined else json.dumps(field.default, default=list)


def _kind(group: type[SettingsGroup], name: str) -> str:
    """Type and range of one field, out of its JSON schema."""
    schema = group.model_json_schema()
    return _schema_text(schema["properties"].get(name, {}), schema.get("$defs", {}))


_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "null"}


def _schema_text(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _schema_text(defs[schema["$ref"].split("/")[-1]], defs)
    if "enum" in schema or "const" in schema:
        return ", ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(_schema_text(one, defs) for one in schema["anyOf"])
    kind = schema.get("type", "")
    if kind in ("array", "object"):
        return _container_text(kind, schema, defs)
    bounds = " and ".join(text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema)
    return f"{_TYPES.get(kind, kind)} {bounds}".strip()


def _container_text(kind: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_schema_text(item, defs) for item in schema['prefixItems'])}]"
    if kind == "array":
        return f"list of {_schema_text(schema.get('items', {}), defs)}"
    if "properties" in schema:
        return "an object of settings"
    return f"object of {_schema_text(schema.get('additionalProperties') or {}, defs)}"
