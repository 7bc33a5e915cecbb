#!/usr/bin/env python3
"""Writes the corpus: small files, good and hostile, one folder for each parser. Needs NumPy, Pillow and safetensors;
what it writes is kept in the repository, so that the tests need none of them.

    make.py          writes all files anew

Names begin with what is to come of the file: ok- is read, bad- is refused (FORMAT or UNSUPPORTED). corpus_test.c reads
them all, and every truncation of the good ones; they are also the seeds of tests/fuzz.
"""
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save

HERE = Path(__file__).resolve().parent


def put(parser, name, data):
    folder = HERE / parser
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)


# ---- npy -------------------------------------------------------------------------------------------------------------


def npy_bytes(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def raw_npy(header, data=b"\0" * 8, length=None, version=(1, 0)):
    text = header.encode("latin1")
    length = len(text) if length is None else length
    size = struct.pack("<H", length) if version[0] == 1 else struct.pack("<I", length)
    return b"\x93NUMPY" + bytes(version) + size + text + data


def header(descr="'<f4'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def make_npy():
    grid = np.arange(24).reshape(2, 3, 4)
    for name in ("f2", "f4", "f8", "u1", "i1", "i2", "u2", "i4", "u4", "i8", ">f4", ">f8", ">i2", ">i8"):
        put("npy", f"ok-{name.replace('>', 'big-')}.npy", npy_bytes(grid.astype(name)))
    put("npy", "ok-bool.npy", npy_bytes(grid % 2 == 0))
    put("npy", "ok-fortran.npy", npy_bytes(np.asfortranarray(grid.astype("<i2"))))
    put("npy", "ok-scalar.npy", npy_bytes(np.float64(3)))
    put("npy", "ok-empty.npy", npy_bytes(np.zeros((0, 5), np.float32)))
    put("npy", "ok-version2.npy", npy_bytes(grid.astype("<f4"), (2, 0)))
    put("npy", "ok-version3.npy", npy_bytes(grid.astype("<f4"), (3, 0)))
    bad = {
        "no-file": b"", "magic": b"\x93NUMPX\1\0\0\0", "version-9": raw_npy(header(), version=(9, 0)),
        "length-0": raw_npy(header(), length=0), "length-65535": raw_npy(header(), length=65535),
        "length-32-bits": raw_npy(header(), length=2**32 - 1, version=(2, 0)),
        "negative": raw_npy(header(shape="(-1,)")), "bool-size": raw_npy(header(shape="(True,)")),
        "huge": raw_npy(header(shape="(" + "1" + "0" * 30 + ",)")),
        "million-axes": raw_npy(header(shape="(" + "1," * 15000 + ")"), length=None),
        "product-wraps": raw_npy(header("'|u1'", shape="(4294967297, 4294967295, 1)")),
        "product-wraps-to-one": raw_npy(header("'|u1'", shape="(274177, 67280421310721)")),
        "zero-times-huge": raw_npy(header(shape="(0, 9223372036854775807)"), b""),
        "zero-times-2-53": raw_npy(header(shape="(0, 922337, 2306855775)"), b""), "deep": raw_npy(header(shape="(" * 20000)), "object": raw_npy(header("'|O'")), "structured":
        raw_npy(header("[('a', '<f4'), ('b', '<i4')]")), "unicode": raw_npy(header("'<U2'")),
        "complex": raw_npy(header("'<c8'", shape="(1,)")), "u8": raw_npy(header("'<u8'", shape="(1,)")),
        "twice": raw_npy("{'descr': '<f4', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}"),
        "missing": raw_npy("{'descr': '<f4', 'shape': (2,)}"), "call": raw_npy(header(shape="__import__('os')")),
        "unclosed": raw_npy("{'descr': '<f4"), "trailing": raw_npy(header()) + b"x", "short": raw_npy(header(), b"\0" * 7),
        "bool-of-2": raw_npy(header("'|b1'"), b"\1\2"), "nul": raw_npy("{'descr': '<f\0004'}"),
    }
    for name, data in bad.items():
        put("npy", f"bad-{name}.npy", data)


# ---- npz -------------------------------------------------------------------------------------------------------------


def npz_bytes(compressed=True, **arrays):
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **arrays)
    return out.getvalue()


def zip_bytes(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, data, method in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def patched(data, at, value):
    return data[:at] + value + data[at + len(value):]


def make_npz():
    x, y = np.arange(6, dtype=np.uint8).reshape(2, 3), np.int64([3, 4])
    put("npz", "ok-stored.npz", npz_bytes(False, x=x, y=y))
    good = npz_bytes(True, x=x, y=y)
    put("npz", "ok-deflated.npz", good)
    put("npz", "ok-none.npz", zip_bytes([]))
    npy = npy_bytes(x)
    put("npz", "ok-slash.npz", zip_bytes([("a/b.npy", npy, zipfile.ZIP_DEFLATED)]))
    wide = io.BytesIO()
    with zipfile.ZipFile(wide, "w") as archive, archive.open("x.npy", "w", force_zip64=True) as member:
        member.write(npy)
    put("npz", "ok-zip64.npz", wide.getvalue())
    end = good.rindex(b"PK\5\6")
    entry = good.index(b"PK\1\2")
    put("npz", "bad-no-end.npz", good[:end])
    put("npz", "bad-two-disks.npz", patched(good, end + 4, b"\1"))
    put("npz", "bad-count.npz", patched(good, end + 10, b"\3"))
    put("npz", "bad-count-65534.npz", patched(good, end + 10, b"\xfe\xff"))
    put("npz", "bad-directory-size.npz", patched(good, end + 12, b"\xff\xff\xff\x7f"))
    put("npz", "bad-directory-place.npz", patched(good, end + 16, b"\xff\xff\xff\x7f"))
    put("npz", "bad-zip64-missing.npz", patched(good, end + 16, b"\xff\xff\xff\xff"))
    put("npz", "bad-method.npz", patched(good, entry + 10, b"\x0c"))
    put("npz", "bad-encrypted.npz", patched(good, entry + 8, b"\1"))
    put("npz", "bad-crc.npz", patched(good, entry + 16, b"\0\0\0\0"))
    put("npz", "bad-size.npz", patched(good, entry + 24, b"\xff\xff\0\0"))
    put("npz", "bad-size-4g.npz", patched(good, entry + 24, b"\xfe\xff\xff\xff"))
    put("npz", "bad-place.npz", patched(good, entry + 42, b"\xff\xff\xff\0"))
    put("npz", "bad-trailing.npz", good + b"x")
    put("npz", "bad-name-up.npz", zip_bytes([("../x.npy", npy, zipfile.ZIP_STORED)]))
    put("npz", "bad-name-root.npz", zip_bytes([("/x.npy", npy, zipfile.ZIP_STORED)]))
    put("npz", "bad-not-npy.npz", zip_bytes([("x.npy", b"hello", zipfile.ZIP_STORED)]))
    put("npz", "bad-bzip2.npz", zip_bytes([("x.npy", npy, zipfile.ZIP_BZIP2)]))
    bomb = npy_bytes(np.zeros(64 << 20, np.uint8))
    put("npz", "bad-bomb.npz", zip_bytes([("x.npy", bomb[:100] + bytes(len(bomb)), zipfile.ZIP_DEFLATED)],
                                         compresslevel=9))


# ---- IDX -------------------------------------------------------------------------------------------------------------


def idx(kind, dims, data):
    return bytes([0, 0, kind, len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + data


def gz(data):
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return pack.compress(data) + pack.flush()


def make_idx():
    images = idx(8, (2, 3, 4), bytes(range(24)))
    put("idx", "ok-u8", images)
    put("idx", "ok-u8.gz", gz(images))
    put("idx", "ok-two-members.gz", gz(images[:20]) + gz(images[20:]))
    for kind, size in ((9, 1), (11, 2), (12, 4), (13, 4), (14, 8)):
        put("idx", f"ok-{kind}", idx(kind, (3,), bytes(range(3 * size))))
    put("idx", "ok-none", idx(8, (0, 28, 28), b""))
    put("idx", "ok-eight-axes", idx(8, (1, 1, 1, 1, 1, 1, 1, 2), b"ab"))
    bad = {
        "empty": b"", "magic": b"\1\0\x08\1", "type": idx(10, (1,), b"x"), "no-axes": b"\0\0\x08\0x",
        "nine-axes": idx(8, (1,) * 9, b"x"), "255-axes": idx(8, (1,) * 255, b"x"),
        "wraps": idx(8, (2**32 - 1,) * 8, b""), "wraps-to-one": idx(8, (65536, 65536, 65536, 65537), b"x"),
        "zero-times-wraps": idx(8, (0, 2**32 - 1, 2**32 - 1), b""), "short": images[:-1], "long": images + b"x",
        "zero-times-2-48": idx(8, (0, 2**20, 0x1c00001c), b""), "huge": idx(14, (2**31,), b""), "cut-sizes": images[:9],
        "bomb-less.gz": gz(idx(8, (4,), bytes(8 << 20))), "bomb-more.gz": gz(idx(8, (2**30,), bytes(8 << 20))),
        "cut.gz": gz(images)[:-9], "crc.gz": gz(images)[:-8] + b"\0" * 8, "trailing.gz": gz(images) + b"junk",
    }
    for name, data in bad.items():
        put("idx", f"bad-{name}", data)


# ---- CIFAR -----------------------------------------------------------------------------------------------------------


def make_cifar():
    record = bytes([3]) + bytes(range(256)) * 12
    put("cifar", "ok-two", record + bytes([9]) + record[1:])
    put("cifar", "ok-none", b"")
    put("cifar", "bad-short", record[:-1])
    put("cifar", "bad-second-short", record + record[:7])
    put("cifar", "bad-long", record + b"x")
    put("cifar", "bad-label-10", record + bytes([10]) + record[1:])
    put("cifar", "bad-label-255", b"\xff" + record[1:])


# ---- PNG -------------------------------------------------------------------------------------------------------------


def chunk(kind, data, crc=None):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def png(width, height, depth, colour, rows, interlace=0, extra=b"", tail=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + tail +
            chunk(b"IEND", b""))


def make_png():
    palette = chunk(b"PLTE", b"\1\2\3\4\5\6")
    for mode, channels in (("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)):
        out = io.BytesIO()
        pixels = (np.arange(7 * 5 * channels) * 7 % 256).astype(np.uint8).reshape((5, 7, channels)[:2 + (channels > 1)])
        Image.fromarray(pixels, mode).save(out, "PNG")
        put("png", f"ok-{mode}.png", out.getvalue())
    put("png", "ok-palette.png", png(2, 1, 8, 3, b"\0\1\0", extra=palette))
    put("png", "ok-palette-alpha.png", png(2, 1, 8, 3, b"\0\1\0", extra=palette + chunk(b"tRNS", b"\x80")))
    put("png", "ok-1-bit.png", png(3, 1, 1, 0, b"\0\xa0"))
    put("png", "ok-interlaced.png", png(3, 3, 8, 0, bytes.fromhex("0001 0003 000709 0002 0008 00040506"), 1))
    grey = b"\0\1\2\0\3\4"
    bad = {
        "no-columns": png(0, 2, 8, 0, grey), "no-rows": png(2, 0, 8, 0, grey), "31-bits": png(2**31 - 1, 1, 8, 0, grey),
        "32-bits": png(2**32 - 1, 1, 8, 0, grey), "both-31-bits": png(2**31 - 1, 2**31 - 1, 8, 6, grey),
        "16-bits": png(1, 1, 16, 0, b"\0\1\2"), "depth": png(1, 1, 3, 0, b"\0\1"), "colour": png(1, 1, 8, 5, b"\0\1"),
        "no-palette": png(2, 1, 8, 3, b"\0\0\0"), "past-palette": png(2, 1, 8, 3, b"\0\2\0", extra=palette),
        "palette-length": png(2, 1, 8, 3, b"\0\0\0", extra=chunk(b"PLTE", b"\1\2\3\4")),
        "crc": png(2, 2, 8, 0, grey, extra=chunk(b"tEXt", b"a\0b", 0)), "filter": png(2, 2, 8, 0, b"\5\1\2\0\3\4"),
        "short": png(2, 3, 8, 0, grey), "long": png(2, 2, 8, 0, grey + b"\0\0\0"), "trailing": png(2, 2, 8, 0, grey) + b"x",
        "critical": png(2, 2, 8, 0, grey, extra=chunk(b"CRIT", b"")), "bomb": png(30000, 30000, 8, 0, bytes(1 << 20)),
        "interlace": png(3, 3, 8, 0, grey, 2),
    }
    for name, data in bad.items():
        put("png", f"bad-{name}.png", data)


# ---- JPEG ------------------------------------------------------------------------------------------------------------


def jpeg(mode="RGB", size=(17, 11), **options):
    out = io.BytesIO()
    y, x = np.mgrid[:size[1], :size[0]]
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    pixels = np.stack([128 + 100 * np.sin(x / 5 + c) * np.cos(y / 4) for c in range(channels)], -1).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode).save(out, "JPEG", **options)
    return out.getvalue()


def segments(data):
    """(start, end, marker) up to the first scan."""
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        yield at, end, data[at + 1]
        at = end


def without(data, marker):
    for start, end, kind in reversed(list(segments(data))):
        if kind == marker:
            data = data[:start] + data[end:]
    return data


def frame(data):
    return next(start for start, _, kind in segments(data) if kind in (0xC0, 0xC2))


def exif(orientation):
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1" + struct.pack(">H", orientation) + b"\0\0\0\0\0\0"
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def make_jpeg():
    good, progressive = jpeg(), jpeg(progressive=True)
    put("jpeg", "ok-rgb.jpg", good)
    put("jpeg", "ok-444.jpg", jpeg(subsampling=0))
    put("jpeg", "ok-grey.jpg", jpeg("L"))
    put("jpeg", "ok-cmyk.jpg", jpeg("CMYK"))
    put("jpeg", "ok-progressive.jpg", progressive)
    put("jpeg", "ok-restarts.jpg", jpeg(restart_marker_blocks=1))
    put("jpeg", "ok-large.jpg", jpeg(size=(150, 90), quality=30))
    for orientation in (3, 6):
        put("jpeg", f"ok-orientation-{orientation}.jpg", good[:2] + exif(orientation) + good[2:])
    put("jpeg", "ok-exif-nowhere.jpg", good[:2] + exif(6).replace(b"\0\0\0\x08\0\1", b"\xff\xff\xff\xff\0\1") + good[2:])
    sof, scan = frame(good), good.index(b"\xff\xda")
    huge = b"\xff\xdc\xff\xdc"
    bad = {
        "empty": b"", "start": b"\xff\xd8\xff", "no-rows": patched(good, sof + 5, b"\0\0"),
        "no-columns": patched(good, sof + 7, b"\0\0"), "65535": patched(good, sof + 5, b"\xff" * 4),
        "bomb": patched(good, sof + 5, huge), "progressive-bomb": patched(progressive, frame(progressive) + 5, huge),
        "12-bits": patched(good, sof + 4, b"\x0c"), "arithmetic": patched(good, sof + 1, b"\xc9"),
        "lossless": patched(good, sof + 1, b"\xc3"), "no-quantisation": without(good, 0xDB),
        "five-components": patched(good, sof + 9, b"\5"), "sampling-0": patched(good, sof + 11, b"\0"),
        "sampling-15": patched(good, sof + 11, b"\xff"), "no-scan": good[:scan] + b"\xff\xd9",
        "no-end": good[:-2], "cut": good[:scan + 20], "two-starts": good[:2] + good,
        "length-0": patched(good, 4, b"\0\0"), "scans": progressive[:-2] + progressive[progressive.index(b"\xff\xda"):-2] * 40
        + b"\xff\xd9", "gif": b"GIF89a\1\0\1\0",
    }
    for name, data in bad.items():
        put("jpeg", f"bad-{name}.jpg", data)


# ---- safetensors -----------------------------------------------------------------------------------------------------


def raw_safetensors(text, data=b"", length=None):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(dtype="U8", shape="[4]", offsets="[0,4]", name="a", more=""):
    return f'{{"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}{more}}}'


def make_safetensors():
    put("safetensors", "ok-three", save({"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.int64([1, 2]),
                                         "z": np.zeros((0, 2), np.uint8)}, {"key": "value"}))
    put("safetensors", "ok-none", raw_safetensors("{}"))
    four = b"abcd"
    second = ',"b":{"dtype":"U8","shape":[4],"data_offsets":%s}'
    bad = {
        "empty": b"", "length-64-bits": raw_safetensors(one(), four, 2**64 - 1),
        "length-plus-1": raw_safetensors(one(), b"", len(one()) + 1), "length-minus-1":
        raw_safetensors(one(), four, len(one()) - 1), "short": raw_safetensors(one(), four[:3]),
        "trailing": raw_safetensors(one(), four + b"x"), "backwards": raw_safetensors(one(offsets="[4,0]"), four),
        "overlap": raw_safetensors(one(more=second % "[2,6]"), b"abcdef"),
        "gap": raw_safetensors(one(more=second % "[5,9]"), b"abcdefghi"),
        "twice": raw_safetensors(one(more=',"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}'), four * 2),
        "exponent": raw_safetensors(one(shape="[4e0]"), four), "minus-zero": raw_safetensors(one(offsets="[-0,4]"), four),
        "fraction": raw_safetensors(one(shape="[4.0]"), four), "surrogate": raw_safetensors(one(name="\\ud800"), four),
        "deep": raw_safetensors('{"a":' + "[" * 5000, b""), "zero-times-2-63":
        raw_safetensors(one(shape="[0,9223372036854775808]", offsets="[0,0]")),
        "dtype": raw_safetensors(one("X9"), four), "utf8": raw_safetensors(one().encode().replace(b"a", b"\xff", 1), four),
        "size": raw_safetensors(one(shape="[5]"), four),
    }
    for name, data in bad.items():
        put("safetensors", f"bad-{name}", data)


# ---- text ------------------------------------------------------------------------------------------------------------


def make_text():
    put("text", "ok-ascii.txt", b"To be, or not to be\n" * 3)
    put("text", "ok-utf8.txt", "Grüße, 世界, 😀 und mehr".encode())
    put("text", "ok-nothing.txt", b"")
    bad = {"lone-continuation": b"abc\x80", "overlong": b"abc\xc0\x80", "surrogate": b"abc\xed\xa0\x80",
           "too-high": b"abc\xf4\x90\x80\x80", "cut": b"abc\xe2\x82", "latin1": "Grüße".encode("latin1")}
    for name, data in bad.items():
        put("text", f"bad-{name}.txt", data)


# ---- CSV -------------------------------------------------------------------------------------------------------------


def make_csv():
    good = {
        "plain": "a,b,c\n1,2.5,x\n2,-3e2,y\n", "no-header": "1,2\n3,4\n", "semicolons": "a;b\n1;2\n", "tabs": "a\tb\n1\t2\n",
        "quoted": 'a,b\n"x, ""y""\nz",1\n"w",2\n', "crlf": "a,b\r\n1,2\r\n", "bom": "\ufeffa,b\n1,2\n",
        "missing": "a,b\n1,\nNA,2\n", "no-newline": "a,b\n1,2", "blank-lines": "\n\na,b\n1,2\n\n", "one-column": "a\n1\n2\n",
        "empty-column": "a,b\n1,\n2,\n", "large-integers": "a,b\n9223372036854775807,1\n9223372036854775808,2\n",
    }
    bad = {
        "empty": "", "only-header": "a,b\n", "ragged": "a,b\n1,2\n1,2,3\n", "short-row": "a,b\n1,2\n1\n",
        "unclosed": 'a,b\n1,"2\n3,4\n', "after-quote": 'a,b\n1,"2"x\n', "quote-inside": 'a,b\n1,2"x\n', "nul": "a,b\n1,\0\n",
        "lone-cr": "a,b\n1\r2,3\n",
    }
    for name, text in good.items():
        put("csv", f"ok-{name}.csv", text.encode())
    for name, text in bad.items():
        put("csv", f"bad-{name}.csv", text.encode())
    put("csv", "bad-wide.csv", b"," * 16383 + b"\n1\n")
    put("csv", "bad-columns.csv", b"," * 70000 + b"\n")


# ---- runs ------------------------------------------------------------------------------------------------------------


def make_run():
    good = {
        "whole": """{
  "format": 1,
  "name": "lr-0.1", "status": "done", "ended": null,
  "arguments": ["./train", "--lr", "0.1"],
  "settings": {"lr": 0.1, "shuffle": true, "text": "a\\u00e4\\n\\\\\\"", "huge": -1.5E+300},
  "data": {}, "earlier": []
}
""",
        "least": '{"format":1}', "older": '{"format":0}', "unknown": '{"format":1,"later":[1,2],"more":{"a":false}}',
        "twice": '{"format":1,"settings":{"a":1,"a":2}}', "long-number": '{"format":1,"x":' + "9" * 400 + "}",
        "escape-code": '{"format":1,"name":"\\u001b[2J"}',
    }
    bad = {
        "empty": "", "no-format": "{}", "later": '{"format":2}', "list": "[]", "trailing": '{"format":1}x',
        "deep": '{"format":1,"a":{"b":{}}}', "deeper": '{"format":1,"a":' + "[" * 5000, "comma": '{"format":1,}',
        "name": '{"format":1,"":1}', "long-name": '{"format":1,"' + "x" * 201 + '":1}', "nul": '{"format":1,"a":"\\u0000"}',
        "nan": '{"format":1,"a":nan}', "utf8": b'{"format":1,"a":"\xff"}', "word": '{"format":1,"a":tru}',
        "many": '{"format":1,"a":[' + ",".join("1" * 9000) + "]}", "fraction": '{"format":1.5}',
    }
    for name, text in good.items():
        put("run", f"ok-{name}.json", text.encode())
    for name, text in bad.items():
        put("run", f"bad-{name}.json", text if isinstance(text, bytes) else text.encode())


def make_curves():
    head = "time,step,tag,value\n"
    good = {
        "two": head + '1.5,0,"loss/train",2.3\n1.6,0,"loss/test",nan\n1.7,1,"loss/train",-1e-5\n',
        "quotes": head + '1,5,"say ""hm"", so",inf\n1,6,"say ""hm"", so",-inf\n', "head": head, "nothing": "",
        "torn": head + '1,1,"a",0.5\n2,2,"a',
        "torn-head": "time,st", "again": head + "".join(f'1,{s},"a",{s}\n' for s in (1, 2, 3, 2, 4, 0)),
    }
    bad = {
        "head": "step,value\n", "step": head + '1,-1,"a",1\n', "half-step": head + '1,0.5,"a",1\n',
        "tag": head + "1,1,a,1\n", "no-tag": head + '1,1,"",1\n', "open-tag": head + '1,1,"a,1\n',
        "value": head + '1,1,"a",1.5.2\n', "hexadecimal": head + '1,1,"a",0x10\n', "no-value": head + '1,1,"a",\n',
        "nul": head + '1,1,"a\0b",1\n', "long-tag": head + f'1,1,"{"x" * 700}",1\n', "fields": head + '1,1,"a",1,1\n',
        "many-tags": head + "".join(f'1,1,"{i}",1\n' for i in range(513)), "blank": head + "\n",
    }
    for name, text in good.items():
        put("curves", f"ok-{name}.csv", text.encode())
    for name, text in bad.items():
        put("curves", f"bad-{name}.csv", text.encode())


def main():
    for name, make in sorted(globals().items()):
        if name.startswith("make_"):
            make()


if __name__ == "__main__":
    main()
