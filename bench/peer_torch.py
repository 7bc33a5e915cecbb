"""The peer: the same networks in PyTorch, driven through the same lines as bench/steps.c.

    peer_torch.py NETWORK train|predict THREADS contiguous|channels_last
    peer_torch.py NETWORK check FOLDER      reads what `steps NETWORK write FOLDER STEPS` wrote, and computes it again
    peer_torch.py NETWORK startup THREADS   from `import torch` to the end of the first step

PyTorch is used as its manual recommends for the processor: fused optimizers, inference mode, channels last for images.
"""
import json
import resource
import struct
import sys
import time
from collections import OrderedDict

started = time.perf_counter()
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402


# ---- the networks: names, shapes and parameters as in bench/networks -------------------------------------------------

def named(names, layers):
    return OrderedDict(zip(names.split(), layers))


def mlp():
    layers = [nn.Linear(784, 512), nn.ReLU(inplace=True), nn.Linear(512, 512), nn.ReLU(inplace=True),
              nn.Linear(512, 10)]
    return nn.Sequential(named("fc1 relu1 fc2 relu2 fc3", layers))


def cnn():
    layers = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
              nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
              nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(inplace=True), nn.Linear(128, 10)]
    return nn.Sequential(named("conv1 relu1 pool1 conv2 relu2 pool2 flatten fc1 relu3 fc2", layers))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def resnet18(classes, cifar=False):
    def stage(inputs, outputs, stride):
        return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))

    stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False) if cifar else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
    layers = named("conv1 bn1 relu", [stem, nn.BatchNorm2d(64), nn.ReLU(inplace=True)])
    if not cifar:
        layers["maxpool"] = nn.MaxPool2d(3, 2, 1)
    for i, (inputs, outputs) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
        layers[f"layer{i + 1}"] = stage(inputs, outputs, 1 if i == 0 else 2)
    layers |= named("avgpool flatten fc", [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)])
    return nn.Sequential(layers)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width).normal_(std=0.02))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj_weight = nn.Parameter(torch.empty(width, width).normal_(std=0.02))
        self.out_proj_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        n, t, c = x.shape
        qkv = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in qkv.split(c, dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return functional.linear(y.transpose(1, 2).reshape(n, t, c), self.out_proj_weight, self.out_proj_bias)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln2 = nn.LayerNorm(width)
        layers = [nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)]
        self.mlp = nn.Sequential(named("fc1 gelu fc2", layers))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class Positions(nn.Module):
    def __init__(self, steps, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(steps, width).normal_(std=0.02))

    def forward(self, x):
        return x + self.weight


def gpt():
    tokens = nn.Embedding(1024, 256)
    nn.init.normal_(tokens.weight, std=0.02)
    layers = [tokens, Positions(128, 256), nn.Sequential(*(Block(256, 8) for _ in range(4))), nn.LayerNorm(256),
              nn.Linear(256, 1024)]
    return nn.Sequential(named("tokens positions blocks norm head", layers))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=0.001, fused=True)


def adamw(net):
    return torch.optim.AdamW(net.parameters(), lr=0.001, fused=True)


# name: builder, optimizer, shape of the input (images: N, C, H, W), shape of the target, classes
NETWORKS = {
    "mlp": (mlp, sgd, (128, 784), (128,), 10),
    "mlp_1": (mlp, sgd, (1, 784), (1,), 10),
    "cnn": (cnn, adam, (64, 1, 28, 28), (64,), 10),
    "resnet18_224": (lambda: resnet18(1000), sgd, (16, 3, 224, 224), (16,), 1000),
    "resnet18_32": (lambda: resnet18(10), sgd, (64, 3, 32, 32), (64,), 10),
    "resnet18_cifar": (lambda: resnet18(10, cifar=True), sgd, (64, 3, 32, 32), (64,), 10),
    "gpt": (gpt, adamw, (8, 128), (8, 128), 1024),
    "lstm": (Lstm, adam, (32, 64, 64), (32,), 10),
}


# ---- a step ----------------------------------------------------------------------------------------------------------

class Session:
    def __init__(self, name, memory_format=torch.contiguous_format):
        build, optimizer, input_shape, target_shape, classes = NETWORKS[name]
        torch.manual_seed(1)
        self.net = build()
        tokens = len(target_shape) == 2
        self.input = torch.randint(classes, input_shape) if tokens else torch.rand(input_shape) * 2 - 1
        if self.input.dim() == 4:
            self.net = self.net.to(memory_format=memory_format)
            self.input = self.input.contiguous(memory_format=memory_format)
        self.target = torch.randint(classes, target_shape)
        self.optimizer = optimizer(self.net)
        self.loss = nn.CrossEntropyLoss()
        self.value = 0.0

    def train(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.net(self.input).flatten(0, -2), self.target.flatten())
        loss.backward()
        self.optimizer.step()
        self.value = loss.item()

    def predict(self):
        with torch.inference_mode():
            return self.net(self.input)


def say(answer):
    print(json.dumps(answer), flush=True)


def timed(step, steps):
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def serve(name, mode, threads, memory_format):
    torch.set_num_threads(int(threads))
    session = Session(name, LAYOUTS[memory_format])
    if mode == "predict":
        session.net.eval()
    step = session.train if mode == "train" else session.predict
    timed(step, 2)
    say({"kernels": f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {memory_format}",
         "parameters": sum(p.numel() for p in session.net.parameters())})
    for line in sys.stdin:
        seconds = timed(step, int(line))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say({"seconds": seconds, "peak_bytes": peak, "loss": session.value})


# ---- the same numbers? -----------------------------------------------------------------------------------------------

DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)

    def tensor(entry):
        first, last = entry["data_offsets"]
        values = torch.frombuffer(data[first:last], dtype=DTYPES[entry["dtype"]])
        return values.reshape(entry["shape"])

    return {name: tensor(entry) for name, entry in header.items()}


def difference(ours, theirs):
    """The largest difference, in units of the largest number."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def check(name, folder):
    session = Session(name)
    weights = read_safetensors(folder + "/weights.safetensors")
    if isinstance(session.net, Lstm):
        weights = {key + "_l0" if key.startswith("lstm.") else key: value for key, value in weights.items()}
    differs = session.net.load_state_dict(weights, strict=False)
    missing = [key for key in differs.missing_keys if not key.endswith(".num_batches_tracked")]
    if missing or differs.unexpected_keys:
        raise SystemExit(f"{name}: names differ: {missing} are missing, {differs.unexpected_keys} unexpected")
    example = read_safetensors(folder + "/example.safetensors")
    session.input, session.target = example["input"], example["target"]
    if session.input.dim() == 4:
        session.input = session.input.permute(0, 3, 1, 2)
    session.net.eval()
    prediction = difference(example["prediction"], session.predict())
    session.net.train()
    theirs = []
    for _ in example["losses"]:
        session.train()
        theirs.append(session.value)
    say({"prediction": prediction, "losses": example["losses"].tolist(), "peer_losses": theirs,
         "parameters": sum(p.numel() for p in session.net.parameters())})


def startup(name, threads):
    torch.set_num_threads(int(threads))
    imported = time.perf_counter()
    session = Session(name)
    built = time.perf_counter()
    session.train()
    done = time.perf_counter()
    say({"dlopen": (imported - started) * 1e3, "build": (built - imported) * 1e3, "step": (done - built) * 1e3,
         "total": (done - started) * 1e3})


if __name__ == "__main__":
    name, mode = sys.argv[1:3]
    if mode == "check":
        check(name, sys.argv[3])
    elif mode == "startup":
        startup(name, sys.argv[3])
    else:
        serve(name, mode, sys.argv[3], sys.argv[4])
