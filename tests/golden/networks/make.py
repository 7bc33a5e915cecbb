#!/usr/bin/env python3
"""Six networks as PyTorch trains them, for golden_networks_test.c: writes NAME.start.safetensors and NAME.run.safetensors
beside this script. Needs PyTorch and the `safetensors` package (2.13 and 0.8 made those here); the tests need the files.

    make.py

start   the state_dict before training, as PyTorch lays it out; numbers that float32 holds
run     all in float64, from that start, laid out as libdnn does (images N, H, W, C; weights out, kh, kw, in/groups):
          input.I       four batches behind one another; float32 or int32
          target        likewise
          output        of the first batch, in training mode
          gradient.P    of the loss of the first batch by parameter P; gradient.input.0 by the input, if it is float
          losses        of 100 steps, step t on batch t mod 4
          final.P       every parameter and buffer after them
          evaluated     the output of the first batch then, in evaluation mode
"""
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
BATCHES, STEPS = 4, 100


# ---- networks -------------------------------------------------------------------------------------------------------

def named(**children):
    net = nn.Sequential()
    for name, child in children.items():
        net.add_module(name, child)
    return net


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6, momentum=0.3)
        self.conv3, self.bn3 = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6, eps=1e-3)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(x)))))
        return self.fc(F.relu(x + y).mean(dim=(2, 3)))


class Attention(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.token, self.position = nn.Embedding(17, width), nn.Embedding(7, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a bias would not matter: softmax takes it away
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, 17, bias=False)

    def forward(self, tokens, positions):
        x = self.token(tokens) + self.position(positions)
        h = self.norm1(x)
        scores = self.query(h) @ self.key(h).transpose(1, 2) * 0.25
        x = x + self.out(torch.softmax(scores, -1) @ self.value(h))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.head(x)


class Twice(nn.Module):
    """The middle layer is applied twice."""

    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(5, 14), nn.Linear(14, 14), nn.Linear(14, 2)

    def forward(self, x):
        x = F.leaky_relu(self.first(x), 0.1)
        return self.last(torch.tanh(self.middle(torch.tanh(self.middle(x)))))


def mlp():
    return named(fc1=nn.Linear(9, 20), act1=nn.ReLU(), fc2=nn.Linear(20, 16), act2=nn.Sigmoid(), fc3=nn.Linear(16, 5))


def max_pool():
    return named(conv1=nn.Conv2d(2, 5, 3, padding=1), act1=nn.ReLU(), pool1=nn.MaxPool2d(2),
                 conv2=nn.Conv2d(5, 6, (3, 2), padding=1), act2=nn.ReLU(), pool2=nn.MaxPool2d(3, 2, 1),
                 flatten=nn.Flatten(), fc=nn.Linear(6 * 2 * 3, 4))


def depthwise():
    return named(depth=nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4), act1=nn.SiLU(),
                 point=nn.Conv2d(4, 8, 1), act2=nn.SiLU(), group=nn.Conv2d(8, 8, 3, stride=2, groups=2, bias=False),
                 pool=nn.AvgPool2d(2, 1, 1), act3=nn.GELU(approximate="tanh"),
                 mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(8, 3))


# ---- data -----------------------------------------------------------------------------------------------------------

def grid(*shape):
    """Normal numbers, rounded to multiples of 1/64."""
    return torch.round(torch.randn(*shape) * 64) / 64


def images(batch, channels, size):
    return grid(BATCHES * batch, channels, size, size)


def labels(classes, *shape):
    return torch.randint(classes, shape)


def tokens():
    positions = torch.arange(7).expand(BATCHES * 3, 7).contiguous()
    return [labels(17, BATCHES * 3, 7), positions], labels(17, BATCHES * 3, 7)


def regression():
    x = grid(BATCHES * 8, 5)
    y = torch.stack([x[:, 0] * x[:, 1] * 2, x[:, 2].abs() + 3 * x[:, 3]], dim=1)
    return [x], torch.round(y * 64) / 64


def sequence_loss(y, target):
    return F.cross_entropy(y.movedim(-1, 1), target)


def bce(y, target):
    return F.binary_cross_entropy_with_logits(y, target, pos_weight=torch.tensor([2.0, 0.5, 1.0]))


def decay_of_weights_only(net, decay):
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    weights = [p for name, p in net.named_parameters() if not name.endswith("bias")]
    return [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]


# ---- name: network, data, loss, optimizer, the largest norm of the gradients, images under `fc` ----------------------

CASES = {
    "mlp": (mlp, lambda: ([grid(BATCHES * 8, 9)], labels(5, BATCHES * 8)),
            lambda y, t: F.cross_entropy(y, t, label_smoothing=0.125),
            lambda net: torch.optim.Adam(net.parameters(), lr=0.01), None, None),
    "max_pool": (max_pool, lambda: ([images(4, 2, 8)], labels(4, BATCHES * 4)), F.cross_entropy,
                 lambda net: torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=0.01), None,
                 (6, 2, 3)),
    "residual": (Residual, lambda: ([images(4, 3, 6)], labels(4, BATCHES * 4)), F.cross_entropy,
                 lambda net: torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.05), 1.0, None),
    "attention": (Attention, tokens, sequence_loss,
                  lambda net: torch.optim.Adam(net.parameters(), lr=0.003, betas=(0.8, 0.98)), None, None),
    "depthwise": (depthwise, lambda: ([images(4, 4, 7)], labels(2, BATCHES * 4, 3).double()), bce,
                  lambda net: torch.optim.AdamW(net.parameters(), lr=0.01), None, None),
    "regression": (Twice, regression, lambda y, t: F.huber_loss(y, t, delta=0.75),
                   lambda net: torch.optim.SGD(decay_of_weights_only(net, 0.01), lr=0.05, momentum=0.8, nesterov=True),
                   0.5, None),
}


# ---- layout ---------------------------------------------------------------------------------------------------------

def channels_last(x):
    return x.movedim(1, -1).contiguous() if x.dim() == 4 else x.contiguous()


def native(path, tensor, flattened):
    """A parameter, or its gradient, as libdnn lays it out."""
    if flattened and path == "fc.weight":
        tensor = tensor.reshape(tensor.shape[0], *flattened).movedim(1, -1).reshape(tensor.shape)
    return channels_last(tensor.detach()).clone()


def data(tensor):
    """Batches, in a type that holds their numbers."""
    small = tensor.float() if tensor.is_floating_point() else tensor.int()
    assert torch.equal(small.to(tensor.dtype), tensor)
    return channels_last(small)


def state(net):
    return {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


# ---- running --------------------------------------------------------------------------------------------------------

def batch(tensor, step):
    size = tensor.shape[0] // BATCHES
    return tensor[step % BATCHES * size:][:size]


def first_batch(net, inputs, target, loss, flattened):
    """The forward and backward of the first batch; running statistics are put back."""
    before = {k: v.clone() for k, v in net.state_dict().items()}
    x = [batch(i, 0).clone() for i in inputs]
    if x[0].is_floating_point():
        x[0].requires_grad_()
    y = net(*x)
    loss(y, batch(target, 0)).backward()
    record = {f"gradient.{p}": native(p, v.grad, flattened) for p, v in net.named_parameters()}
    if x[0].is_floating_point():
        record["gradient.input.0"] = channels_last(x[0].grad)
    net.zero_grad()
    net.load_state_dict(before)
    return record | {"output": y.detach().contiguous()}


def train(net, inputs, target, loss, optimizer, max_norm):
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        value = loss(net(*(batch(x, step) for x in inputs)), batch(target, step))
        value.backward()
        if max_norm:
            nn.utils.clip_grad_norm_(net.parameters(), max_norm)
        optimizer.step()
        losses.append(value.item())
    return torch.tensor(losses)


def write(name, make_net, make_data, loss, make_optimizer, max_norm, flattened):
    torch.manual_seed(len(name))
    net = make_net()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.float())
    start = {k: v.float() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file(start, HERE / f"{name}.start.safetensors")
    inputs, target = make_data()
    record = {f"input.{i}": data(x) for i, x in enumerate(inputs)} | {"target": data(target)}
    record |= first_batch(net, inputs, target, loss, flattened)
    record["losses"] = train(net, inputs, target, loss, make_optimizer(net), max_norm)
    record |= {f"final.{p}": native(p, v, flattened) for p, v in state(net).items()}
    net.eval()
    with torch.no_grad():
        record["evaluated"] = net(*(batch(x, 0) for x in inputs)).contiguous()
    save_file(record, HERE / f"{name}.run.safetensors")
    print(f"{name:12s} loss {record['losses'][0]:.4f} -> {record['losses'][-1]:.4f}")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        write(name, *case)
