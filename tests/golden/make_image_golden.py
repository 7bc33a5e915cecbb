#!/usr/bin/env python3
"""Writes image_golden.h: what Pillow, PyTorch, NumPy and colorsys make of one small image. Needs Pillow and PyTorch; the
tests need only the header, which is kept. Made with Pillow 13.0.0 and PyTorch 2.13.0.

    make_image_golden.py            writes it next to this script

torchvision's resize of tensors is PyTorch's interpolate; its rotate, affine and perspective are PyTorch's grid_sample on
a grid of source positions, which is what stands here; its colours are Pillow's formulas. Where we differ, and why:
    resize of bytes   Pillow rounds to bytes between the two axes, we do not: up to 1 apart
    area              PyTorch's "area" takes whole pixels, ours parts of them: the same where the ratio is whole, which is
                      what is compared; Pillow's BOX likewise
    nearest           PyTorch's older "nearest" looks at the corner of a pixel; ours, "nearest-exact" and Pillow's at its
                      middle
    colours of bytes  Pillow rounds its grey to a byte before it mixes, we do not: up to 1 apart; hue: against colorsys
"""
import colorsys
from pathlib import Path

import numpy as np
import PIL
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance

HERE = Path(__file__).resolve().parent
H, W, C = 12, 9, 3


def image():
    """Bytes that are written down by a rule, so that the test need not hold them."""
    i = np.arange(H * W * C, dtype=np.int64)
    return ((i * 37 + i * i % 101 * 5 + i // 29 * 11) % 256).astype(np.uint8).reshape(H, W, C)


def chw(array):
    return torch.tensor(array, dtype=torch.float64).permute(2, 0, 1)[None]


def hwc(tensor):
    return tensor[0].permute(1, 2, 0).numpy()


def resized(height, width, **how):
    return hwc(F.interpolate(chw(image()), size=(height, width), **how))


def pillow_resized(height, width):
    return np.asarray(Image.fromarray(image()).resize((width, height), Image.BILINEAR)).astype(np.float64)


def sampled(source_x, source_y, mode):
    """Bilinear, zeros outside, at positions in pixels whose first middle is 0.5."""
    grid = torch.tensor(np.stack([2 * source_x / W - 1, 2 * source_y / H - 1], axis=-1)[None])
    return hwc(F.grid_sample(chw(image()), grid, mode=mode, padding_mode="zeros", align_corners=False))


def rotated(degrees, mode="bilinear"):
    y, x = np.mgrid[0:H, 0:W] + 0.5
    a = np.deg2rad(degrees)
    dx, dy = x - W / 2, y - H / 2
    return sampled(np.cos(a) * dx - np.sin(a) * dy + W / 2, np.sin(a) * dx + np.cos(a) * dy + H / 2, mode)


def pillow_rotated_nearest(degrees):
    return np.asarray(Image.fromarray(image()).rotate(degrees, Image.NEAREST)).astype(np.float64)


def blurred(sigma):
    radius = int(np.ceil(3 * sigma))
    k = np.exp(-0.5 * np.arange(-radius, radius + 1) ** 2 / sigma ** 2)
    k = torch.tensor(np.outer(k, k) / k.sum() ** 2).expand(C, 1, -1, -1)
    padded = F.pad(chw(image()), (radius,) * 4, mode="reflect")
    return hwc(F.conv2d(padded, k, groups=C))


def enhanced(kind, factor):
    return np.asarray(kind(Image.fromarray(image())).enhance(factor)).astype(np.float64)


def hue(turn):
    pixels = [colorsys.rgb_to_hsv(*(p / 255)) for p in image().reshape(-1, 3).astype(float)]
    return np.array([colorsys.hsv_to_rgb((h + turn) % 1, s, v) for h, s, v in pixels]) * 255


def padded():
    return np.pad(image(), ((4, 4), (4, 4), (0, 0)), mode="reflect")


GOLDEN = {
    "resize_smaller": resized(5, 4, mode="bilinear", antialias=True),
    "resize_larger": resized(13, 20, mode="bilinear", antialias=True),
    "resize_four_pixels": resized(5, 4, mode="bilinear", align_corners=False),
    "resize_area": resized(4, 3, mode="area"),
    "resize_nearest": resized(7, 5, mode="nearest-exact"),
    "resize_pillow": pillow_resized(5, 4),
    "rotate_30": rotated(30),
    "rotate_nearest_100": pillow_rotated_nearest(100),
    "blur_1": blurred(1.0),
    "brightness": enhanced(ImageEnhance.Brightness, 1.5),
    "contrast": enhanced(ImageEnhance.Contrast, 0.6),
    "saturation": enhanced(ImageEnhance.Color, 1.8),
    "hue": hue(0.45),
    "hue_back": hue(-0.45),
    "reflected": padded(),
}


def array(name, values):
    texts = [f"{v:.8g}" for v in np.asarray(values, dtype=np.float64).reshape(-1)]
    rows = [", ".join(texts[i:i + 10]) for i in range(0, len(texts), 10)]
    return f"static const double golden_{name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


def main():
    version = torch.__version__.split("+")[0]
    text = f"/* Written by make_image_golden.py with Pillow {PIL.__version__} and PyTorch {version}. */\n"
    text += "#ifndef IMAGE_GOLDEN_H\n#define IMAGE_GOLDEN_H\n\n"
    text += f"enum {{ GOLDEN_H = {H}, GOLDEN_W = {W}, GOLDEN_C = {C} }};\n\n"
    text += "\n".join(array(name, values) for name, values in GOLDEN.items())
    (HERE / "image_golden.h").write_text(text + "\n#endif\n")


main()
