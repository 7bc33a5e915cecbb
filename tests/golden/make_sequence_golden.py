#!/usr/bin/env python3
"""Writes sequence_golden.h: what PyTorch computes, in float64, for attention and recurrent layers, both ways.
Needs PyTorch; the tests need only the header, which is kept. Made with PyTorch 2.13.0.

    make_sequence_golden.py            writes it next to this script
"""
import random
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
torch.set_default_dtype(torch.float64)

HEAD = f"""/* Written by make_sequence_golden.py with PyTorch {torch.__version__.split('+')[0]}, in float64. */
#ifndef SEQUENCE_GOLDEN_H
#define SEQUENCE_GOLDEN_H

#include <stdint.h>

typedef enum {{
    SEQUENCE_ATTENTION,
    SEQUENCE_MULTI_HEAD,
    SEQUENCE_LSTM,
    SEQUENCE_GRU,
    SEQUENCE_RNN_TANH
}} sequence_kind;

typedef struct {{
    const char *name; /* of a parameter; else "" */
    int32_t rank;
    int64_t dims[3];
    const double *values;
    const double *gradient; /* of inputs and parameters: dL/d it; of outputs: dL/dy, which is given */
}} sequence_array;

/* The mask, of attention, is the last input: 1 for keys that take part. It has no gradient. */
typedef struct {{
    const char *name;
    sequence_kind kind;
    int64_t heads, causal, has_mask;
    int32_t n_inputs, n_parameters, n_outputs;
    sequence_array inputs[4], parameters[4], outputs[3];
}} sequence_golden;

"""


def numbers(tensor):
    return [float(v) for v in tensor.detach().reshape(-1)]


def array(name, tensor):
    values = numbers(tensor)
    rows = [", ".join(f"{v:.17g}" for v in values[i:i + 4]) for i in range(0, len(values), 4)]
    return f"static const double {name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


class Numbers:
    """Multiples of 1/64, which are the same in float32 and float64."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def __call__(self, *shape, spread=1.5):
        count = torch.Size(shape).numel()
        limit = int(64 * spread)
        return torch.tensor([self.rng.randint(-limit, limit) / 64 for _ in range(count)]).reshape(shape)


def attention(draw, n, t, s, heads, dim, value_dim, causal=False, mask=None):
    inputs = [draw(n, t, heads * dim), draw(n, s, heads * dim), draw(n, s, heads * value_dim)]

    def run(q, k, v):
        q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
        allowed = torch.ones(t, s, dtype=torch.bool).tril() if causal else torch.ones(t, s, dtype=torch.bool)
        allowed = allowed if mask is None else allowed & mask[:, None, None, :]
        return [F.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).flatten(2)]

    return {"kind": "ATTENTION", "heads": heads, "causal": int(causal), "mask": mask, "inputs": inputs, "module": None,
            "run": run}


def multi_head(draw, n, t, embed, heads, causal=False, mask=None):
    module = torch.nn.MultiheadAttention(embed, heads, batch_first=True)
    future = torch.ones(t, t, dtype=torch.bool).triu(1) if causal else None

    def run(x):
        ignored = None if mask is None else ~mask
        return [module(x, x, x, key_padding_mask=ignored, attn_mask=future, need_weights=False)[0]]

    return {"kind": "MULTI_HEAD", "heads": heads, "causal": int(causal), "mask": mask, "inputs": [draw(n, t, embed)],
            "module": module, "run": run}


def recurrent(draw, kind, n, t, inputs, hidden):
    kinds = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "RNN_TANH": torch.nn.RNN}
    module = kinds[kind](inputs, hidden, batch_first=True)
    states = 2 if kind == "LSTM" else 1

    def run(x, *state):
        state = [s[None] for s in state]
        y, last = module(x, tuple(state) if states == 2 else state[0])
        return [y, *(s[0] for s in (last if states == 2 else [last]))]

    return {"kind": kind, "heads": 0, "causal": 0, "mask": None, "module": module, "run": run,
            "inputs": [draw(n, t, inputs)] + [draw(n, hidden) for _ in range(states)]}


def cases():
    draw = Numbers(7)
    mask = torch.tensor([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], dtype=torch.bool)
    yield "attention", attention(draw, 2, 3, 5, 2, 4, 3), draw
    yield "attention_causal", attention(draw, 1, 6, 6, 1, 3, 3, causal=True), draw
    yield "attention_mask", attention(draw, 2, 4, 5, 2, 2, 2, mask=mask), draw
    yield "multi_head", multi_head(draw, 2, 4, 6, 3), draw
    yield "multi_head_causal_mask", multi_head(draw, 2, 5, 4, 2, causal=True, mask=mask | torch.eye(2, 5).bool()), draw
    yield "lstm", recurrent(draw, "LSTM", 2, 4, 3, 5), draw
    yield "gru", recurrent(draw, "GRU", 2, 4, 3, 5), draw
    yield "rnn_tanh", recurrent(draw, "RNN_TANH", 2, 4, 3, 5), draw


def entry(prefix, name, tensor, gradient):
    text = array(f"{prefix}_values", tensor)
    fields = [f'.name = "{name}"', f".rank = {tensor.dim()}", f".dims = {{{', '.join(map(str, tensor.shape))}}}",
              f".values = {prefix}_values"]
    if gradient is not None:
        text += array(f"{prefix}_gradient", gradient)
        fields.append(f".gradient = {prefix}_gradient")
    return text, "{" + ", ".join(fields) + "}"


def run(case, draw):
    inputs = [x.requires_grad_() for x in case["inputs"]]
    parameters = dict(case["module"].named_parameters()) if case["module"] else {}
    with torch.no_grad():
        for p in parameters.values():
            p.copy_(draw(*p.shape, spread=1))
    outputs = case["run"](*inputs)
    given = [draw(*y.shape) for y in outputs]
    torch.autograd.backward(outputs, given)
    lists = {"inputs": [("", x, x.grad) for x in inputs],
             "parameters": [(n.removesuffix("_l0").replace(".", "_"), p, p.grad) for n, p in parameters.items()],
             "outputs": [("", y, d) for y, d in zip(outputs, given)]}
    if case["mask"] is not None:
        lists["inputs"].append(("", case["mask"], None))
    return lists


def struct(name, case, draw):
    lists, text = run(case, draw), ""
    fields = [f'.name = "{name}"', f".kind = SEQUENCE_{case['kind']}", f".heads = {case['heads']}",
              f".causal = {case['causal']}", f".has_mask = {int(case['mask'] is not None)}"]
    for which, arrays in lists.items():
        parts = [entry(f"{name}_{which}_{i}", *a) for i, a in enumerate(arrays)]
        text += "".join(part[0] for part in parts)
        fields.append(f".n_{which} = {len(parts)}")
        if parts:
            fields.append(f".{which} = {{" + ",\n      ".join(part[1] for part in parts) + "}")
    return text, "    {" + ",\n     ".join(fields) + "},\n"


if __name__ == "__main__":
    arrays, entries = zip(*(struct(*case) for case in cases()))
    (HERE / "sequence_golden.h").write_text(
        HEAD + "\n".join(arrays) + "\nstatic const sequence_golden sequence_goldens[] = {\n" + "".join(entries) +
        "};\n\n#endif\n")
