#!/usr/bin/env python3
"""Makes the files beside it, with PyTorch and the `safetensors` package (torch 2.13, safetensors 0.8 made those here).

    make.py

dtypes.safetensors    one tensor of each dtype that libdnn knows, and metadata: written again by libdnn, the same bytes
network.safetensors   the state_dict of a small network: conv2d, batch norm, ReLU, flatten, linear
example.safetensors   an input for it and its output in evaluation mode; images (N, H, W, C)
"""
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent


def every_dtype():
    steps = torch.arange(-3, 3, dtype=torch.float64).reshape(2, 3) / 4
    return {
        "half.f16": steps.half(), "half.bf16": steps.bfloat16(), "single": steps.float(), "double": steps,
        "scalar": torch.tensor(0.1), "empty": torch.zeros(0, 5), "byte": torch.tensor([0, 127, 255], dtype=torch.uint8),
        "int": torch.tensor([-2**31, 2**31 - 1], dtype=torch.int32), "long": torch.tensor([-2**63, 2**63 - 1]),
        "flag": torch.tensor([True, False, True]), "Größe \"q\" \\ \t\x01": torch.tensor([1.0]),
    }


def network():
    torch.manual_seed(7)
    net = torch.nn.Sequential()
    net.add_module("conv", torch.nn.Conv2d(3, 4, (3, 2)))
    net.add_module("bn", torch.nn.BatchNorm2d(4))
    net.add_module("relu", torch.nn.ReLU())
    net.add_module("flatten", torch.nn.Flatten())
    net.add_module("fc", torch.nn.Linear(4 * 3 * 4, 5))
    for _ in range(3):
        net(torch.randn(8, 3, 5, 5) * 2 + 1)  # running statistics that are not their defaults
    with torch.no_grad():
        net.bn.weight.uniform_(0.5, 2)
        net.bn.bias.uniform_(-1, 1)
    return net.eval()


def main():
    net = network()
    x = torch.randn(2, 3, 5, 5)
    with torch.no_grad():
        y = net(x)
    save_file(every_dtype(), HERE / "dtypes.safetensors", metadata={"format": "pt\n"})
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, HERE / "network.safetensors")
    save_file({"x": x.permute(0, 2, 3, 1).contiguous(), "y": y}, HERE / "example.safetensors")


if __name__ == "__main__":
    main()
