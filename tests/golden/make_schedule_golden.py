#!/usr/bin/env python3
"""Writes schedule_golden.h: what PyTorch's schedulers give for the epochs 0 to 29. Needs PyTorch; the test needs only the
header, which is kept. Made with PyTorch 2.13.0.

    make_schedule_golden.py > schedule_golden.h
"""
import torch
from torch.optim import lr_scheduler as s

EPOCHS = 30
LR = 0.5
LOSSES = [1 / (1 + min(e, 7)) + 0.001 * (e % 3) for e in range(EPOCHS)]


def rates(make, lr=LR, observe=False):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    scheduler, found = make(optimizer), []
    for epoch in range(EPOCHS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if observe:
            scheduler.step(LOSSES[epoch])
        elif epoch < EPOCHS - 1:
            scheduler.step()
    return found


def with_warmup(optimizer):
    up = s.LinearLR(optimizer, start_factor=0.1, end_factor=1, total_iters=4)
    return s.SequentialLR(optimizer, [up, s.CosineAnnealingLR(optimizer, T_max=16, eta_min=LR * 0.05)], milestones=[4])


CASES = {
    "step": lambda o: s.StepLR(o, step_size=7, gamma=0.3),
    "multistep": lambda o: s.MultiStepLR(o, milestones=[4, 9, 20], gamma=0.2),
    "exponential": lambda o: s.ExponentialLR(o, gamma=0.9),
    "polynomial": lambda o: s.PolynomialLR(o, total_iters=20, power=2),
    "linear": lambda o: s.LinearLR(o, start_factor=1, end_factor=0.25, total_iters=12),
    "cosine_restarts": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2, eta_min=LR * 0.1),
    "cosine_restarts_even": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=5),
    "one_cycle": lambda o: s.OneCycleLR(o, max_lr=LR, total_steps=EPOCHS + 1, pct_start=(0.3 * EPOCHS + 1) / (EPOCHS + 1)),
    "warmup_cosine": with_warmup,
}


def numbers(values):
    lines = [", ".join(f"{v:.17g}" for v in values[i:i + 5]) for i in range(0, len(values), 5)]
    return "{\n    " + ",\n    ".join(lines) + "}"


print(f"/* Written by make_schedule_golden.py with PyTorch {torch.__version__.split('+')[0]}: the rates of the epochs 0 to "
      f"{EPOCHS - 1}. */\n#ifndef SCHEDULE_GOLDEN_H\n#define SCHEDULE_GOLDEN_H\n")
print(f"enum {{ GOLDEN_EPOCHS = {EPOCHS} }};\n")
for name, make in CASES.items():
    print(f"static const double golden_{name}[GOLDEN_EPOCHS] = {numbers(rates(make))};\n")
plateau = rates(lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=3, threshold=0.01), observe=True)
print(f"static const double golden_plateau[GOLDEN_EPOCHS] = {numbers(plateau)};\n")
print(f"static const double plateau_losses[GOLDEN_EPOCHS] = {numbers(LOSSES)};\n\n#endif")
