#!/usr/bin/env python3
"""Writes lbfgs_golden.h with PyTorch: some steps of L-BFGS on three problems, in float64.

    make_lbfgs_golden.py
"""
from pathlib import Path

import torch

from make_golden import array, centre, slope, start

HERE = Path(__file__).resolve().parent
STEPS = 5
ELEMENTS = 15  # of the first two problems


def quadratic(x):
    k = torch.tensor([slope(i) for i in range(ELEMENTS)], dtype=torch.float64)
    c = torch.tensor([centre(i) for i in range(ELEMENTS)], dtype=torch.float64)
    return (k * (x - c) ** 2).sum() / 2


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def wave(i):
    """Numbers from -1 to 1 that every language computes alike."""
    return ((i * 37) % 41 - 20) / 20


def network(x):
    """linear(3, 4), tanh, linear(4, 2), mean squared error on 6 samples; weights are (out, in)."""
    data = torch.tensor([wave(i + 5) for i in range(18)], dtype=torch.float64).view(6, 3)
    target = torch.tensor([wave(3 * i + 1) for i in range(12)], dtype=torch.float64).view(6, 2)
    hidden = torch.tanh(data @ x[:12].view(4, 3).T + x[12:16])
    return ((hidden @ x[16:24].view(2, 4).T + x[24:26] - target) ** 2).mean()


PROBLEMS = {
    "quadratic": (quadratic, [start(i) for i in range(ELEMENTS)]),
    "rosenbrock": (rosenbrock, [start(i) / 2 for i in range(ELEMENTS)]),
    "network": (network, [wave(i) for i in range(26)]),
}

CASES = [
    ("quadratic", {"max_iter": 4}),
    ("quadratic", {"max_iter": 3, "strong_wolfe": 1}),
    ("quadratic", {"lr": 0.5, "max_iter": 6, "history_size": 2}),
    ("quadratic", {"tolerance_grad": 0.5}),
    ("rosenbrock", {"lr": 0.25, "max_iter": 5, "history_size": 4}),
    ("rosenbrock", {"max_iter": 6, "strong_wolfe": 1}),
    ("rosenbrock", {"lr": 4, "max_iter": 9, "history_size": 3, "strong_wolfe": 1}),
    ("rosenbrock", {"lr": 50, "max_iter": 5, "strong_wolfe": 1}),
    ("rosenbrock", {"max_iter": 10, "max_eval": 4, "strong_wolfe": 1}),
    ("rosenbrock", {"max_iter": 1, "strong_wolfe": 1}),
    ("network", {"lr": 0.5, "max_iter": 6}),
    ("network", {"max_iter": 8, "strong_wolfe": 1}),
    ("network", {"max_iter": 30, "tolerance_change": 1e-3, "strong_wolfe": 1}),
]


def run(problem, options):
    function, first = PROBLEMS[problem]
    x = torch.nn.Parameter(torch.tensor(first, dtype=torch.float64))
    options = dict(options)
    search = "strong_wolfe" if options.pop("strong_wolfe", 0) else None
    optimizer = torch.optim.LBFGS([x], line_search_fn=search, **options)

    def closure():
        optimizer.zero_grad()
        loss = function(x)
        loss.backward()
        return loss

    elements, losses, evaluations = [], [], []
    for _ in range(STEPS):
        losses.append(float(optimizer.step(closure).detach()))
        elements += x.tolist()
        evaluations.append(optimizer.state[x]["func_evals"])
    return elements, losses, evaluations


HEAD = f"""/* Written by make_lbfgs_golden.py with PyTorch {torch.__version__.split("+")[0]}, in float64. */
#ifndef LBFGS_GOLDEN_H
#define LBFGS_GOLDEN_H

#include <stdint.h>

typedef enum {{ LBFGS_QUADRATIC, LBFGS_ROSENBROCK, LBFGS_NETWORK }} lbfgs_problem;

enum {{ LBFGS_STEPS = {STEPS} }};

/* Options that are 0 were left at PyTorch's defaults. */
typedef struct {{
    const char *name;
    lbfgs_problem problem;
    double lr, tolerance_grad, tolerance_change;
    int64_t max_iter, max_eval, history_size;
    int32_t strong_wolfe;
    const double *elements;           /* [LBFGS_STEPS][elements of the problem]: the parameters after each step */
    double losses[LBFGS_STEPS];       /* that the steps give back */
    int64_t evaluations[LBFGS_STEPS]; /* of all steps so far */
}} lbfgs_golden;

"""


def case(number, problem, options):
    elements, losses, evaluations = run(problem, options)
    name = f"lbfgs_{number}_elements"
    fields = [f'.name = "{problem}, ' + ", ".join(f"{k} {v}" for k, v in options.items()) + '"',
              f".problem = LBFGS_{problem.upper()}", *(f".{k} = {v}" for k, v in options.items()),
              f".elements = {name}", ".losses = {" + ", ".join(f"{v:.17g}" for v in losses) + "}",
              ".evaluations = {" + ", ".join(map(str, evaluations)) + "}"]
    return array(name, elements), "    {" + ",\n     ".join(fields) + "},\n"


if __name__ == "__main__":
    arrays, entries = zip(*(case(i, *c) for i, c in enumerate(CASES)))
    (HERE / "lbfgs_golden.h").write_text(
        HEAD + "\n".join(arrays) + "\nstatic const lbfgs_golden lbfgs_goldens[] = {\n" + "".join(entries) +
        "};\n\n#endif\n")
