"""Write a bundle's network in a form that runs without this package: TorchScript, torch.export or ONNX."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cladeseg.files import DataError, atomic_write, check_choice
from cladeseg.segmentation.networks import passes_of
from cladeseg.segmentation.workflow.prediction import load_predictor
from cladeseg.segmentation.workflow.trained import trained_model

#: Names of a network's input and output, in ONNX and for whoever reads the file.
IMAGE, LOG_PROBS = "image", "log_probs"
_PASSES = ("first", "second")
#: Log-probabilities that are nearer to each other are equal.
_ROUNDING = 1e-3


def export_network(
    bundle_root: str | Path, output: str | Path, *, weights: str | Path | None = None, form: str = "torchscript"
) -> list[Path]:
    """Write the network with its weights, and make sure that the file gives the same mask as the network.

    The input is a batch of windows of the training patch's size, float32 (B, C, *patch), preprocessed as the bundle
    does; the output log p(leaf) (B, L, *patch).  Any batch size will do.

    Args:
        bundle_root: the bundle's folder.
        output: the file.  Weights of two passes give two, with ``_first`` and ``_second`` before the ending.
        weights: a ``.pt`` or ``.safetensors`` file; the bundle's own if ``None``.
        form: ``"torchscript"``, ``"torch-export"`` or ``"onnx"``; the last needs ``cladeseg[onnx]``.

    Returns:
        The files.

    Raises:
        DataError: the weights cannot be used; a file is there already, or cannot be written; a package lacks; or the
            exported network gives another mask.
        ValueError: no such form.
    """
    check_choice("form", form, tuple(FORMS))
    _require_packages(form)
    path = Path(output)
    predictor = load_predictor(bundle_root, weights=weights, device="cpu")
    model = trained_model(predictor.weights.parent.parent, bundle_root, predictor.weights)
    passes = passes_of(predictor.network)
    one = len(passes) == 1
    files = [path if one else path.with_name(f"{path.stem}_{name}{path.suffix}") for name in _PASSES[: len(passes)]]
    for there in filter(Path.exists, files):
        raise DataError(f"{there}: is there already; choose another file")
    first = (model.first_pass or {}).get("first_patch_size", model.patch_size)
    patches = [model.patch_size] if one else [first, model.patch_size]
    for network, file, patch in zip(passes, files, patches, strict=True):
        example = torch.randn(2, max(1, len(model.channels)), *patch, generator=torch.Generator().manual_seed(0))
        _write(network.eval(), example, file, form)
    return files


def _write(network: nn.Module, example: Tensor, file: Path, form: str) -> None:
    """Write one network and compare, before the file appears."""
    save, load = FORMS[form]
    with torch.no_grad(), atomic_write(file) as temporary:
        save(network, example, temporary)
        exported = load(temporary)
        for images in (example, example[:1] + 1):
            wrong = _differing(exported(images), network(images))
            if wrong:
                raise DataError(
                    f"{file}: the {form} network labels {wrong} of {images[:, :1].numel()} voxels otherwise"
                )


def _differing(exported: Tensor, own: Tensor) -> int:
    """Voxels with another most probable leaf, but for those where rounding decides between two."""
    first, second = own.topk(2, dim=1).values.unbind(dim=1)
    return int(((exported.argmax(dim=1) != own.argmax(dim=1)) & (first - second > _ROUNDING)).sum())


def _require_packages(form: str) -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if form == "onnx" and missing:
        raise DataError(f"{form}: needs {', '.join(missing)}, which is not installed; pip install 'cladeseg[onnx]'")


def _save_torchscript(network: nn.Module, example: Tensor, file: Path) -> None:
    torch.jit.save(torch.jit.trace(network, example, check_trace=False), str(file))


def _load_torchscript(file: Path) -> Callable[[Tensor], Tensor]:
    return torch.jit.load(str(file), map_location="cpu")


def _exported(network: nn.Module, example: Tensor) -> Any:
    return torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


def _save_torch_export(network: nn.Module, example: Tensor, file: Path) -> None:
    with file.open("wb") as stream:  # given a path, torch wants its own ending
        torch.export.save(_exported(network, example), stream)


def _load_torch_export(file: Path) -> Callable[[Tensor], Tensor]:
    with file.open("rb") as stream:
        return torch.export.load(stream).module()


def _save_onnx(network: nn.Module, example: Tensor, file: Path) -> None:
    program = torch.onnx.export(
        _exported(network, example), input_names=[IMAGE], output_names=[LOG_PROBS], dynamo=True, verbose=False
    )
    if program is None:
        raise DataError(f"{file}: PyTorch made no ONNX program")
    program.save(str(file), external_data=False)


def _load_onnx(file: Path) -> Callable[[Tensor], Tensor]:
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([LOG_PROBS], {IMAGE: images.numpy()})[0])

    return run


#: Name of each form → how it is written, how it is opened.
FORMS: dict[str, tuple[Callable[[nn.Module, Tensor, Path], None], Callable[[Path], Callable[[Tensor], Tensor]]]] = {
    "torchscript": (_save_torchscript, _load_torchscript),
    "torch-export": (_save_torch_export, _load_torch_export),
    "onnx": (_save_onnx, _load_onnx),
}
