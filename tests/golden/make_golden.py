#!/usr/bin/env python3
"""Writes loss_golden.h and optimizer_golden.h: what PyTorch computes, in float64, for every option of our losses and
optimizers. Needs PyTorch; the tests need only the headers, which are kept. Made with PyTorch 2.13.0.

    make_golden.py            writes both next to this script
"""
import random
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
NOTE = f"/* Written by make_golden.py with PyTorch {torch.__version__.split('+')[0]}, in float64. */\n"
torch.set_default_dtype(torch.float64)


def numbers(tensor):
    return [float(v) for v in tensor.detach().reshape(-1)]


def array(name, values):
    rows = [", ".join(f"{v:.17g}" for v in values[i:i + 4]) for i in range(0, len(values), 4)]
    return f"static const double {name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


# ---- losses ---------------------------------------------------------------------------------------------------------

def grid(rng, *shape, spread=4):
    """Multiples of 1/64, which are the same numbers in float32 and float64."""
    count = torch.Size(shape).numel()
    return torch.tensor([rng.randint(-64 * spread, 64 * spread) / 64 for _ in range(count)]).reshape(shape)


def distributions(rng, *shape):
    """Rows of multiples of 1/64 that sum to 1."""
    rows = []
    for _ in range(torch.Size(shape[:-1]).numel()):
        cuts = sorted(rng.randint(0, 64) for _ in range(shape[-1] - 1))
        rows += [(b - a) / 64 for a, b in zip([0, *cuts], [*cuts, 64])]
    return torch.tensor(rows).reshape(shape)


def labels(rng, classes, *shape):
    count = torch.Size(shape).numel()
    return torch.tensor([rng.randrange(classes) for _ in range(count)]).reshape(shape)


def loss_cases():
    rng = random.Random(1)
    ce = F.cross_entropy

    def case(name, kind, y, target, **options):
        return {"name": name, "kind": kind, "y": y, "target": target, "options": options}

    y, t = grid(rng, 6, 5), labels(rng, 5, 6)
    w = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0])
    yield case("cross_entropy", ce, y, t)
    yield case("cross_entropy_weights", ce, y, t, weight=w)
    yield case("cross_entropy_zero_weight", ce, y, t, weight=torch.tensor([0.0, 2.0, 1.0, 0.25, 3.0]))
    yield case("cross_entropy_smoothing", ce, y, t, label_smoothing=0.125)
    yield case("cross_entropy_weights_smoothing", ce, y, t, weight=w, label_smoothing=0.125)
    ignoring = torch.tensor([4, -100, 0, 2, -100, 1])
    yield case("cross_entropy_ignore", ce, y, ignoring, ignore_index=-100)
    yield case("cross_entropy_ignore_class", ce, y, t, ignore_index=int(t[2]), weight=w, label_smoothing=0.25)
    yield case("cross_entropy_sequence", ce, grid(rng, 2, 3, 4), labels(rng, 4, 2, 3))
    yield case("cross_entropy_image", ce, grid(rng, 2, 2, 3, 3), labels(rng, 3, 2, 2, 3), label_smoothing=0.1)
    yield case("cross_entropy_one_sample", ce, grid(rng, 7), labels(rng, 7))
    yield case("cross_entropy_many_classes", ce, grid(rng, 3, 67), labels(rng, 67, 3), label_smoothing=0.05)
    yield case("cross_entropy_large_logits", ce, grid(rng, 4, 6, spread=90), labels(rng, 6, 4))
    yield case("cross_entropy_soft", ce, y, distributions(rng, 6, 5))
    yield case("cross_entropy_soft_all", ce, y, distributions(rng, 6, 5), weight=w, label_smoothing=0.125)
    yield case("cross_entropy_soft_sequence", ce, grid(rng, 2, 3, 4), distributions(rng, 2, 3, 4), label_smoothing=0.5)
    a, b = grid(rng, 4, 9), grid(rng, 4, 9)
    b[1, 2:5] = a[1, 2:5]
    yield case("mse", F.mse_loss, a, b)
    yield case("mse_scalar", F.mse_loss, grid(rng), grid(rng))
    yield case("l1", F.l1_loss, a, b)
    yield case("huber", F.huber_loss, a, b)
    yield case("huber_delta", F.huber_loss, a, b, delta=0.375)
    bce, t = F.binary_cross_entropy_with_logits, (grid(rng, 5, 3) + 4) / 8
    yield case("bce", bce, grid(rng, 5, 3), t)
    yield case("bce_hard", bce, grid(rng, 5, 3, spread=90), t.round())
    yield case("bce_pos_weight", bce, grid(rng, 5, 3), t, pos_weight=torch.tensor([2.5]))
    yield case("bce_pos_weights", bce, grid(rng, 5, 3), t, pos_weight=torch.tensor([2.5, 0.0, 0.75]))


def evaluate(case, reduction):
    """Value and gradient; PyTorch has the classes on axis 1, we have them on the last one."""
    y, target, kind = case["y"].clone().requires_grad_(), case["target"], case["kind"]
    x = y
    if kind is F.cross_entropy and y.dim() > 2:
        x = y.movedim(-1, 1)
        target = target.movedim(-1, 1) if target.is_floating_point() else target
    value = kind(x, target, reduction=reduction, **case["options"])
    value.sum().backward()
    return value, y.grad


def loss_struct(case):
    name, y, target, options = case["name"], case["y"], case["target"], case["options"]
    mean, mean_gradient = evaluate(case, "mean")
    total, sum_gradient = evaluate(case, "sum")
    each, _ = evaluate(case, "none")
    weights = options.get("weight", options.get("pos_weight"))
    parts = {"y": y, "target": target, "each": each, "mean_gradient": mean_gradient, "sum_gradient": sum_gradient}
    text = "".join(array(f"{name}_{part}", numbers(values)) for part, values in parts.items())
    if weights is not None:
        text += array(f"{name}_weights", numbers(weights))
    kind = case["kind"].__name__.removesuffix("_loss").removesuffix("_with_logits")
    kind = "bce" if kind == "binary_cross_entropy" else kind
    dims = ", ".join(str(d) for d in y.shape) or "0"
    entry = [f'.name = "{name}"', f".kind = LOSS_{kind.upper()}", f".rank = {y.dim()}", f".dims = {{{dims}}}",
             f".labels = {int(not target.is_floating_point())}", f".n_each = {each.numel()}",
             f".mean = {mean.item():.17g}", f".sum = {total.item():.17g}"]
    entry += [f".{part} = {name}_{part}" for part in parts]
    if weights is not None:
        entry += [f".weights = {name}_weights", f".n_weights = {weights.numel()}"]
    for option in ("label_smoothing", "delta"):
        if option in options:
            entry.append(f".{option} = {options[option]}")
    if "ignore_index" in options:
        entry += [".has_ignore_index = 1", f".ignore_index = {options['ignore_index']}"]
    return text, "    {" + ",\n     ".join(entry) + "},\n"


LOSS_HEAD = """#ifndef LOSS_GOLDEN_H
#define LOSS_GOLDEN_H

#include <stdint.h>

typedef enum { LOSS_CROSS_ENTROPY, LOSS_MSE, LOSS_L1, LOSS_HUBER, LOSS_BCE } loss_kind;

/* y of shape dims; target: as many numbers as y has, or a class for each row of it. */
typedef struct {
    const char *name;
    loss_kind kind;
    int32_t rank;
    int64_t dims[4];
    int labels;
    int64_t n_each;
    double mean, sum;
    const double *y, *target, *each, *mean_gradient, *sum_gradient;
    const double *weights;
    int64_t n_weights;
    double label_smoothing, delta;
    int has_ignore_index;
    int64_t ignore_index;
} loss_golden;

"""


def loss_header():
    arrays, entries = zip(*(loss_struct(case) for case in loss_cases()))
    return (NOTE + LOSS_HEAD + "\n".join(arrays) + "\nstatic const loss_golden loss_goldens[] = {\n" +
            "".join(entries) + "};\n\n#endif\n")


# ---- optimizers -----------------------------------------------------------------------------------------------------
# Two parameters, "weight" (3, 4) and "bias" (3); element i of the two together begins at start(i), and its gradient in
# step t = 1, 2, … is slope(i) (p - centre(i)) + noise(i, t). All those are exact in binary; optimizer_test.c has the same.

SHAPES = ((3, 4), (3,))
MARKS = (1, 2, 10, 100)


def elements(function):
    flat = torch.tensor([function(i) for i in range(15)])
    return [flat[:12].reshape(SHAPES[0]), flat[12:].reshape(SHAPES[1])]


def start(i):
    return ((i * 5) % 11 - 5) / 4


def slope(i):
    return (1 + i % 5) / 4


def centre(i):
    return (i % 7 - 3) / 2


def noise(i, t):
    return ((i * 7 + t * 13) % 17 - 8) / 16


class ByHand(torch.optim.Optimizer):
    """Rules that PyTorch does not have, as their papers state them; the options are called as PyTorch calls its own."""

    def __init__(self, groups, **options):
        super().__init__(groups, self.DEFAULTS | options)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["t"] = state.get("t", 0) + 1
                self.move(p, p.grad.clone(), group, state)


class Lion(ByHand):
    """Chen et al. 2023, algorithm 2."""
    DEFAULTS = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0}

    def move(self, p, g, o, state):
        (b1, b2), m = o["betas"], state.setdefault("m", torch.zeros_like(p))
        p -= o["lr"] * (torch.sign(b1 * m + (1 - b1) * g) + o["weight_decay"] * p)
        m.copy_(b2 * m + (1 - b2) * g)


class LARS(ByHand):
    """You, Gitman, Ginsburg 2017, in the form of SGD on scaled gradients; tensors of one axis are left as they are."""
    DEFAULTS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "trust": 1e-3, "eps": 1e-8, "nesterov": 0}

    def move(self, p, g, o, state):
        if p.dim() > 1:
            size, decay = p.norm(), o["weight_decay"]
            scale = o["trust"] * size / (g.norm() + decay * size + o["eps"])
            g = scale * (g + decay * p)
        b = g if state["t"] == 1 else o["momentum"] * state["b"] + g
        state["b"] = b
        p -= o["lr"] * (g + o["momentum"] * b if o["nesterov"] else b)


class LAMB(ByHand):
    """You et al. 2020, algorithm 2, φ the identity; tensors of one axis are left as they are."""
    DEFAULTS = {"lr": 1e-3, "betas": (0.9, 0.999), "weight_decay": 0.01, "eps": 1e-6}

    def move(self, p, g, o, state):
        (b1, b2), t = o["betas"], state["t"]
        m = state["m"] = b1 * state.get("m", torch.zeros_like(p)) + (1 - b1) * g
        v = state["v"] = b2 * state.get("v", torch.zeros_like(p)) + (1 - b2) * g * g
        r = m / (1 - b1 ** t) / ((v / (1 - b2 ** t)).sqrt() + o["eps"])
        ratio = 1.0
        if p.dim() > 1:
            r = r + o["weight_decay"] * p
            ratio = p.norm() / r.norm()
        p -= o["lr"] * ratio * r


class Muon(ByHand):
    """Jordan et al. 2024; tensors of one axis take AdamW's steps."""
    DEFAULTS = {"lr": 2e-2, "momentum": 0.95, "weight_decay": 0.0, "plain": 0, "rounds": 5, "adam_factor": 0.015,
                "betas": (0.9, 0.95)}

    def move(self, p, g, o, state):
        if p.dim() < 2:
            (b1, b2), t = o["betas"], state["t"]
            m = state["m"] = b1 * state.get("m", torch.zeros_like(p)) + (1 - b1) * g
            v = state["v"] = b2 * state.get("v", torch.zeros_like(p)) + (1 - b2) * g * g
            rate = o["lr"] * o["adam_factor"]
            p *= 1 - rate * o["weight_decay"]
            p -= rate * (m / (1 - b1 ** t)) / ((v / (1 - b2 ** t)).sqrt() + 1e-8)
            return
        mu = o["momentum"]
        m = state["m"] = mu * state.get("m", torch.zeros_like(p)) + (1 - mu) * g
        x = m if o["plain"] else (1 - mu) * g + mu * m
        x = x / (x.norm() + 1e-7)
        for _ in range(o["rounds"]):
            s = x @ x.T
            x = 3.4445 * x + (-4.775 * s + 2.0315 * s @ s) @ x
        p *= 1 - o["lr"] * o["weight_decay"]
        p -= o["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5 * x


def optimizer_cases():
    """kind, our options, and clip, group: the bias has half the rate and no decay."""
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    yield "sgd", sgd, {}, {}
    yield "sgd_decay", sgd, {"lr": 0.05, "weight_decay": 0.1}, {}
    yield "sgd_momentum", sgd, {"lr": 0.02, "momentum": 0.9}, {}
    yield "sgd_dampening", sgd, {"lr": 0.05, "momentum": 0.75, "dampening": 0.25, "weight_decay": 0.01}, {}
    yield "sgd_nesterov", sgd, {"lr": 0.02, "momentum": 0.9, "nesterov": 1, "weight_decay": 0.05}, {}
    yield "sgd_clip", sgd, {"lr": 0.05, "momentum": 0.9}, {"clip": 1.5}
    yield "sgd_group", sgd, {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1}, {"group": 1}
    yield "adam", adam, {}, {}
    yield "adam_options", adam, {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}, {}
    yield "adam_no_momentum", adam, {"lr": 0.01, "beta1": 0.0}, {}
    yield "adam_group_clip", adam, {"lr": 0.05, "weight_decay": 0.1}, {"clip": 0.75, "group": 1}
    yield "adamw", adamw, {}, {}
    yield "adamw_options", adamw, {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.2}, {}
    yield "adamw_group", adamw, {"lr": 0.05, "weight_decay": 0.1}, {"group": 1}
    rmsprop, adagrad, nadam = torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.NAdam
    yield "rmsprop", rmsprop, {}, {}
    yield "rmsprop_momentum", rmsprop, {"lr": 0.02, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1}, {"clip": 1.5}
    yield "rmsprop_centred", rmsprop, {"lr": 0.005, "alpha": 0.9, "epsilon": 0.01, "centred": 1}, {}
    yield "rmsprop_all", rmsprop, {"lr": 0.005, "momentum": 0.75, "epsilon": 0.01, "weight_decay": 0.1, "centred": 1}, \
        {"group": 1}
    yield "adagrad", adagrad, {}, {}
    yield "adagrad_options", adagrad, {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial": 0.5,
                                       "epsilon": 1e-4}, {"group": 1}
    yield "nadam", nadam, {}, {}
    yield "nadam_options", nadam, {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1,
                                   "momentum_decay": 0.05}, {"clip": 1.5}
    yield "nadam_decoupled", nadam, {"lr": 0.02, "weight_decay": 0.1, "decoupled": 1}, {"group": 1}
    yield "lion", Lion, {"lr": 0.01}, {}
    yield "lion_options", Lion, {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1}, {"clip": 1.5, "group": 1}
    yield "lars", LARS, {"lr": 0.5}, {}
    yield "lars_options", LARS, {"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1, "trust": 0.02, "epsilon": 0.01,
                                 "nesterov": 1}, {"clip": 1.5}
    yield "muon", Muon, {}, {}
    yield "muon_options", Muon, {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1, "plain": 1, "rounds": 3,
                                 "adam_factor": 0.5, "beta1": 0.8, "beta2": 0.99}, {"clip": 1.5, "group": 1}
    yield "lamb", LAMB, {"lr": 0.01}, {}
    yield "lamb_options", LAMB, {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.2}, \
        {"clip": 1.5, "group": 1}


def torch_options(options):
    options = dict(options)
    if "beta1" in options or "beta2" in options:
        options["betas"] = (options.pop("beta1", 0.9), options.pop("beta2", 0.999))
    if "epsilon" in options:
        options["eps"] = options.pop("epsilon")
    for ours, theirs in (("centred", "centered"), ("initial", "initial_accumulator_value"),
                         ("decoupled", "decoupled_weight_decay")):
        if ours in options:
            options[theirs] = options.pop(ours)
    return options


def run_optimizer(kind, options, extra):
    parameters = [p.requires_grad_() for p in elements(start)]
    groups = [{"params": [parameters[0]]}, {"params": [parameters[1]]}]
    if extra.get("group"):
        groups[1] |= {"lr": options["lr"] * 0.5, "weight_decay": 0.0}
    optimizer = kind(groups, **torch_options(options))
    marks = []
    for t in range(1, MARKS[-1] + 1):
        for p, s, c, n in zip(parameters, elements(slope), elements(centre), elements(lambda i, t=t: noise(i, t))):
            p.grad = (s * (p - c) + n).detach()
        if "clip" in extra:
            torch.nn.utils.clip_grad_norm_(parameters, extra["clip"])
        optimizer.step()
        if t in MARKS:
            marks += [v for p in parameters for v in numbers(p)]
    return marks


OPTIMIZER_HEAD = """#ifndef OPTIMIZER_GOLDEN_H
#define OPTIMIZER_GOLDEN_H

#include <stdint.h>

typedef enum {
    OPTIMIZER_SGD,
    OPTIMIZER_ADAM,
    OPTIMIZER_ADAMW,
    OPTIMIZER_RMSPROP,
    OPTIMIZER_ADAGRAD,
    OPTIMIZER_NADAM,
    OPTIMIZER_LION,
    OPTIMIZER_LARS,
    OPTIMIZER_LAMB,
    OPTIMIZER_MUON
} optimizer_kind;

enum { GOLDEN_ELEMENTS = 15, GOLDEN_MARKS = 4 };
static const int64_t golden_marks[GOLDEN_MARKS] = {1, 2, 10, 100};

/* Options that are 0 here were left at PyTorch's defaults; zero_beta1 says where 0 was meant. */
typedef struct {
    const char *name;
    optimizer_kind kind;
    double lr, momentum, dampening, weight_decay, beta1, beta2, epsilon;
    double alpha, lr_decay, initial, momentum_decay, trust, adam_factor;
    int nesterov, centred, decoupled, plain, rounds;
    int zero_beta1; /* beta1 was 0 */
    double clip;
    int group;              /* the bias has half the rate, and no decay */
    const double *elements; /* [GOLDEN_MARKS][GOLDEN_ELEMENTS]: the parameters after that many steps */
} optimizer_golden;

"""


def optimizer_struct(name, kind, options, extra):
    text = array(f"{name}_elements", run_optimizer(kind, options, extra))
    entry = [f'.name = "{name}"', f".kind = OPTIMIZER_{kind.__name__.upper()}"]
    entry += [f".{option} = {value}" for option, value in (options | extra).items() if value != 0]
    if options.get("beta1") == 0:
        entry.append(".zero_beta1 = 1")
    entry.append(f".elements = {name}_elements")
    return text, "    {" + ",\n     ".join(entry) + "},\n"


def optimizer_header():
    arrays, entries = zip(*(optimizer_struct(*case) for case in optimizer_cases()))
    return (NOTE + OPTIMIZER_HEAD + "\n".join(arrays) + "\nstatic const optimizer_golden optimizer_goldens[] = {\n" +
            "".join(entries) + "};\n\n#endif\n")


if __name__ == "__main__":
    (HERE / "loss_golden.h").write_text(loss_header())
    (HERE / "optimizer_golden.h").write_text(optimizer_header())
