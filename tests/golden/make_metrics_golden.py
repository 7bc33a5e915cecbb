#!/usr/bin/env python3
"""Writes metrics_golden.h: what scikit-learn computes of the predictions that metrics_test.c makes by the same formula.
Needs NumPy and scikit-learn; the test needs only the header, which is kept. Made with scikit-learn 1.9.1.

    make_metrics_golden.py > metrics_golden.h
"""
import numpy as np
from sklearn import metrics as sk

ROWS = 120


def logits(classes):
    i, c = np.mgrid[0:ROWS, 0:classes]
    return ((i * 37 + c * 101 + i * c * 13) % 64 - 32) / 16.0


def labels(classes):
    """Mostly the largest logit's class, otherwise another one."""
    i = np.arange(ROWS)
    return np.where(i % 3 > 0, logits(classes).argmax(1), (i * 7 + 1) % classes)


def calibration_error(p, y, bins=15):
    confidence, right = p.max(1), p.argmax(1) == y
    b = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(right[b == k].mean() - confidence[b == k].mean()) * (b == k).mean() for k in set(b))


def of_classes(classes, k):
    z, y = logits(classes), labels(classes)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    taken = z.argmax(1)
    average = dict(average="macro", zero_division=0)
    kept = p.astype(np.float32).astype(float)  # what is the same in float32 is a tie
    auc = sk.roc_auc_score(y, kept[:, 1]) if classes == 2 else sk.roc_auc_score(y, kept, multi_class="ovr")
    yield "accuracy", sk.accuracy_score(y, taken)
    top = np.argsort(-z, axis=1, kind="stable")[:, :k]
    yield "top_k", (top == y[:, None]).any(1).mean()
    yield "loss", sk.log_loss(y, p)
    yield "precision", sk.precision_score(y, taken, **average)
    yield "recall", sk.recall_score(y, taken, **average)
    yield "f1", sk.f1_score(y, taken, **average)
    yield "f1_weighted", sk.f1_score(y, taken, average="weighted")
    yield "balanced_accuracy", sk.balanced_accuracy_score(y, taken)
    yield "mean_iou", sk.jaccard_score(y, taken, **average)
    yield "auc", auc
    yield "calibration_error", calibration_error(p, y)


def of_numbers():
    i = np.arange(ROWS)
    y, t = ((i * 37) % 64 - 32) / 16.0, ((i * 23) % 50 - 25) / 8.0
    yield "mse", sk.mean_squared_error(t, y)
    yield "rmse", sk.root_mean_squared_error(t, y)
    yield "mae", sk.mean_absolute_error(t, y)
    yield "bias", (y - t).mean()
    yield "max_error", sk.max_error(t, y)
    yield "r2", sk.r2_score(t, y)


def table(name, values):
    rows = ",\n".join(f'    {{"{key}", {value:.17g}}}' for key, value in values)
    return f"static const metric_golden {name}[] = {{\n{rows}}};\n"


print("/* Written by make_metrics_golden.py with scikit-learn. */\n#ifndef METRICS_GOLDEN_H\n#define METRICS_GOLDEN_H\n")
print("typedef struct {\n    const char *name;\n    double value;\n} metric_golden;\n")
print(f"enum {{ GOLDEN_ROWS = {ROWS} }};\n")
print(table("golden_of_two", of_classes(2, 1)))
print(table("golden_of_seven", of_classes(7, 3)))
print(table("golden_of_numbers", of_numbers()))
print("#endif")
