"""Our layers are torch's: same weights, same values, same gradients, in either memory format."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cladeseg.segmentation.networks import TwoHead, build_network
from cladeseg.segmentation.networks.hierarchical_head import HierarchicalHead
from cladeseg.segmentation.networks.layers import InstanceNorm3d, PointwiseConv3d, contiguous_on_cpu
from cladeseg.taxonomy import Taxonomy

FORMATS = [torch.contiguous_format, torch.channels_last_3d]
SHAPE = (2, 5, 6, 4, 3)


def random_input(memory_format: torch.memory_format) -> Tensor:
    x = 3 + 2 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.to(memory_format=memory_format).requires_grad_()


def assert_same(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    """Values, and gradients of the input and every parameter, of a loss that weighs each output differently."""
    theirs.load_state_dict(ours.state_dict())
    results = []
    for module in (ours, theirs):
        out = module(x)
        weight = torch.arange(out.numel(), dtype=out.dtype).view(out.shape) / out.numel()
        results.append([out, *torch.autograd.grad((out * weight).sum(), [x, *module.parameters()])])
    for mine, expected in zip(*results, strict=True):
        torch.testing.assert_close(mine, expected)


@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
def test_instance_norm_is_torchs(memory_format: torch.memory_format) -> None:
    ours, theirs = InstanceNorm3d(5, affine=True).double(), nn.InstanceNorm3d(5, affine=True).double()
    with torch.no_grad():
        ours.weight.copy_(torch.rand(5) + 0.5)
        ours.bias.copy_(torch.rand(5))
    assert_same(ours, theirs, random_input(memory_format))


@pytest.mark.parametrize("training", [True, False])
def test_instance_norm_is_the_same_in_both_modes_and_for_each_case_alone(training: bool) -> None:
    norm = InstanceNorm3d(5, affine=True).double().train(training)
    for memory_format in FORMATS:
        x = random_input(memory_format)
        torch.testing.assert_close(norm(x)[:1], norm(x[:1]))
        torch.testing.assert_close(norm(x).mean((2, 3, 4)), torch.zeros(2, 5, dtype=x.dtype))


@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
def test_instance_norm_keeps_the_memory_format(memory_format: torch.memory_format) -> None:
    x = random_input(memory_format)
    out = InstanceNorm3d(5, affine=True).double()(x)
    (gradient,) = torch.autograd.grad(out.square().sum(), x)
    assert out.is_contiguous(memory_format=memory_format)
    assert gradient.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
def test_a_pointwise_convolution_is_torchs(memory_format: torch.memory_format, activated: bool) -> None:
    ours, conv = PointwiseConv3d(5, 4, activated=activated).double(), nn.Conv3d(5, 4, 1).double()
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        name: value.shape for name, value in conv.state_dict().items()
    }

    class Activated(nn.Conv3d):
        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            return nn.functional.leaky_relu(out, 0.01) if activated else out

    assert_same(ours, Activated(5, 4, 1).double(), random_input(memory_format))


def test_no_operation_in_place_makes_autograd_copy_slices(acdc_tree: Taxonomy) -> None:
    """An activation in place on a view costs three copies of the gradient; torch's instance norm returns one."""
    network = build_network(acdc_tree, filters=[4, 6, 8], kernels=[3, 3, 3], strides=[1, 2, 2])
    nodes, seen = [network(torch.randn(1, 1, 8, 8, 8)).leaf.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            nodes += [parent for parent, _ in node.next_functions]
    assert len(seen) > 50
    assert [node.name() for node in seen if "CopySlices" in node.name()] == []


@pytest.mark.parametrize("head", [HierarchicalHead, TwoHead])
def test_a_head_says_the_same_of_features_in_either_format(head: type[nn.Module], acdc_tree: Taxonomy) -> None:
    torch.manual_seed(0)
    module = head(5, acdc_tree).double()
    plain, last = (module(random_input(memory_format)).leaf for memory_format in FORMATS)
    torch.testing.assert_close(plain, last)


@pytest.mark.parametrize("backbone", ["dynunet", "unet"])
def test_a_channels_last_network_keeps_the_format_and_the_result(backbone: str, acdc_tree: Taxonomy) -> None:
    network = build_network(
        acdc_tree, filters=[4, 6, 8], kernels=[3, 3, 3], strides=[1, 2, 2], backbone=backbone, seed=0
    )
    image = torch.randn(2, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = network(image).leaf
    network = network.to(memory_format=torch.channels_last_3d)
    formats: list[bool] = []
    for module in network.modules():
        if isinstance(module, InstanceNorm3d) and module not in [trunk[0] for trunk in network.head.trunks]:
            module.register_forward_hook(
                lambda _, inputs, out: formats.append(out.is_contiguous(memory_format=torch.channels_last_3d))
            )
    torch.testing.assert_close(network(image).leaf, expected, rtol=1e-4, atol=1e-5)
    assert formats and all(formats)


def test_a_layer_leaves_its_input_as_it_was() -> None:
    x = random_input(torch.contiguous_format)
    before = x.detach().clone()
    for layer in (InstanceNorm3d(5, affine=True), PointwiseConv3d(5, 5, activated=True)):
        layer.double()(x)
    assert torch.equal(x, before)


def test_other_devices_than_cpus_keep_torchs_own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(nn.InstanceNorm3d, "forward", lambda self, x: called.append("norm") or x)
    monkeypatch.setattr(nn.Conv3d, "forward", lambda self, x: called.append("convolution") or x)
    x = torch.empty(SHAPE, device="meta")
    InstanceNorm3d(5, affine=True).to("meta")(x)
    PointwiseConv3d(5, 5, activated=True).to("meta")(x)
    assert called == ["norm", "convolution"]
    assert contiguous_on_cpu(x.transpose(2, 3)).stride() == x.transpose(2, 3).stride()
