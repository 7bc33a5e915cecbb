#!/usr/bin/env python3
"""Prints the polynomials of vmath.h: near-minimax fits (least squares on Chebyshev nodes, reweighted after Lawson until
the error is level), with the largest relative error each has before it is rounded to float32. Needs mpmath, NumPy."""
import mpmath as mp
import numpy as np

mp.mp.dps = 40


def fit(name, function, low, high, degree, weight=lambda x: 1):
    """function(x) ~ sum of c[k] x^k on [low, high]; the error is measured times weight(x)."""
    count = 60 * (degree + 1)
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (k + 0.5) / count) for k in range(count)]
    x = np.array([float(v) for v in nodes])
    y = np.array([float(function(v)) for v in nodes])
    w = np.array([float(weight(v)) for v in nodes])
    unit = (2 * x - low - high) / (high - low)
    basis = np.polynomial.chebyshev.chebvander(unit, degree)
    level = np.ones(count)
    for _ in range(60):
        root = (np.sqrt(level) * w)[:, None]
        c = np.linalg.lstsq(basis * root, y * root[:, 0], rcond=None)[0]
        error = np.abs((basis @ c - y) * w)
        level *= error + 1e-18
        level /= level.sum()
    power = np.polynomial.Chebyshev(c, domain=[low, high]).convert(kind=np.polynomial.Polynomial).coef
    print(f"{name}: [{low:g}, {high:g}], error {error.max():.2g}")
    for k, value in enumerate(power):
        print(f"    x^{k}: {value:.9g}")


def erfc_exponent(t):
    z = 2 / t - 2
    return mp.log(mp.erfc(z) / t) + z * z


half = float(mp.log(2) / 2) * 1.0001
fit("exp: (exp(r) - 1 - r) / r^2", lambda r: (mp.expm1(r) - r) / r**2 if r else mp.mpf(1) / 2, -half, half, 4,
    lambda r: r * r)
fit("tanh: (tanh(v) - v) / v^3, x = v^2", lambda x: (mp.tanh(mp.sqrt(x)) / mp.sqrt(x) - 1) / x, 1e-6, 0.625**2, 4,
    lambda x: x)
fit("erf: erf(v) / v, x = v^2", lambda x: mp.erf(mp.sqrt(x)) / mp.sqrt(x), 1e-6, 1.0, 6)
fit("erfc: log(erfc(z) / t) + z^2, t = 1 / (1 + z/2), z from 1 to 10", erfc_exponent, 1 / 6, 2 / 3, 8)
fit("log1p: (2 atanh(s) - 2 s) / s^3, x = s^2", lambda x: 2 * (mp.atanh(mp.sqrt(x)) / mp.sqrt(x) - 1) / x, 1e-6,
    1 / 9, 4, lambda x: x)
