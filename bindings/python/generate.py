#!/usr/bin/env python3
"""Writes what the Python package knows of the C library, from include/dnn/*.h:

    dnn/_abi.py            constants, enums, structs and every function with its types
    dnn/_constructors.py   layers, losses and optimizers as functions with keyword arguments

    generate.py            writes both files
    generate.py --check    says whether they agree with the headers, and fails if not

Both files are kept in the repository, so that the package installs without the headers; a test compares.
"""
import re
import sys
import textwrap
from pathlib import Path

import headers

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent.parent / "include" / "dnn"
NOTICE = "# Written by generate.py from include/dnn/*.h; `./run bindings` writes it anew.\n"
IO_HEADERS = re.compile(r"io(_\w+)?\.h")  # what libdnn_io exports; every other header is libdnn's

SCALARS = {
    "void": "None", "char": "c_char", "int32_t": "c_int32", "int64_t": "c_int64", "uint32_t": "c_uint32",
    "uint64_t": "c_uint64", "size_t": "c_size_t", "double": "c_double",
}


# ---- C types in the words of ctypes ----------------------------------------------------------------------------------


class Types:
    def __init__(self, header):
        self.header = header

    def base(self, name):
        if name in self.header.aliases:
            return self.base(self.header.aliases[name].base)
        if name in self.header.enums:
            return "c_int"
        if name in self.header.structs:
            return name
        return SCALARS[name]

    def pointer(self, c):
        """Handles and void are c_void_p; text to read is c_char_p, which ctypes turns into bytes."""
        if c.base == "void" or c.base in self.header.handles:
            target, levels = "c_void_p", c.pointers - 1
        elif c.base == "char" and c.const:
            target, levels = "c_char_p", c.pointers - 1
        else:
            target, levels = self.base(c.base), c.pointers
        return "POINTER(" * levels + target + ")" * levels

    def of(self, c):
        if c.function:
            return self.callback(c.function)
        text = self.pointer(c) if c.pointers else self.base(c.base)
        return f"{text} * {self.count(c.array)}" if c.array else text

    def count(self, text):
        return self.header.constants.get(text, text)

    def callback(self, function):
        return f"CFUNCTYPE({', '.join([self.of(function.result)] + [self.of(p.type) for p in function.parameters])})"

    def result(self, function):
        """A status is told from other numbers: it is checked after each call."""
        return "dnn_status" if function.result == headers.Type("dnn_status") else self.of(function.result)


# ---- _abi.py ---------------------------------------------------------------------------------------------------------


def abi_enum(enum):
    members = "".join(f"    {name} = {number}\n" for name, number, _ in enum.members)
    return f"class {enum.name}(IntEnum):\n{members}"


def abi_struct(types, struct):
    fields = "".join(f'        ("{f.name}", {types.of(f.type)}),\n' for f in struct.fields)
    return f"class {struct.name}(Structure):\n    _fields_ = [\n{fields}    ]\n"


def abi_functions(types, name, functions):
    lines = []
    for f in functions:
        parameters = [types.of(p.type) for p in f.parameters]
        lines.append(wrapped(f'    "{f.name}": ({types.result(f)}, [', parameters, "]),"))
    return f"{name} = {{\n{''.join(lines)}}}\n"


def abi_text(header):
    types = Types(header)
    c = header.constants
    version = f"{c['DNN_VERSION_MAJOR']}.{c['DNN_VERSION_MINOR']}.{c['DNN_VERSION_PATCH']}"
    constants = "".join(f"{name} = {value}\n" for name, value in c.items())
    meanings = "".join(f'    {number}: "{text}",\n' for _, number, text in header.lists["DNN_STATUS_LIST"])
    functions = header.functions.values()
    parts = [
        NOTICE + '"""The interface of the C library: constants, enums, structs, and every function with its types."""\n'
        "from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64,\n"
        "                    c_size_t, c_uint32, c_uint64, c_void_p)\n"
        "from enum import IntEnum\n\n"
        f'VERSION = "{version}"\n\n{constants}',
        *(abi_enum(e) for e in header.enums.values()),
        f"STATUS_MEANINGS = {{\n{meanings}}}\n",
        *(abi_struct(types, s) for s in header.structs.values()),
        "# name: (result, parameters); a result that is dnn_status becomes an exception where it is a failure.\n"
        + abi_functions(types, "DNN", [f for f in functions if not IO_HEADERS.fullmatch(f.header)]),
        abi_functions(types, "DNN_IO", [f for f in functions if IO_HEADERS.fullmatch(f.header)]),
    ]
    return "\n\n".join(parts)


# ---- _constructors.py ------------------------------------------------------------------------------------------------


class Argument:
    """One keyword argument: what the user passes, and the expression that is handed on for the C field."""

    def __init__(self, name, value, default="None", comment=""):
        self.name, self.value, self.default, self.comment = name, value, default, comment


def value_expression(header, variable):
    if variable.type.base in header.enums:
        return f"enum(abi.{variable.type.base}, {variable.name})"
    return variable.name


def negated(field):
    """`no_bias`, 1: without b  →  bias=True, False: without b."""
    name = field.name[3:]
    return Argument(f"{name}", f"not {name}", "True", re.sub(r"^1:", "False:", field.comment))


def desc_arguments(header, desc):
    """(C field, Argument) of each field that a user sets; counts and has_ flags follow from the others."""
    arguments = []
    names = [f.name for f in desc.fields]
    for i, field in enumerate(desc.fields):
        name = field.name
        if name == "size" or (name.startswith("n_") and name[2:] in names) or name.startswith("has_"):
            continue
        comment = field.comment
        if not comment and i and names[i - 1].startswith("has_"):
            comment = desc.fields[i - 1].comment[2:].strip()
        if name.startswith("no_"):
            arguments.append((name, negated(field)))
        else:
            arguments.append((name, Argument(name, value_expression(header, field), comment=comment)))
    return arguments


def plain_arguments(header, function):
    """Arguments of a constructor without a descriptor: enums have their first member as default, the rest none."""
    arguments = []
    for p in function.parameters[1:]:
        if p.name == "rank":
            continue
        default = "None" if p.type.base in header.enums else ""
        arguments.append(Argument(p.name, value_expression(header, p), default))
    return arguments


def python_words(text):
    """What a comment says of C, for a reader of Python."""
    text = re.sub(r"; DNN_ZERO: 0\b", "", text)
    text = re.sub(r"\bDNN_ZERO\b", "0.0", text)
    text = re.sub(r"\bNULL\b", "None", text)
    text = re.sub(r"(^|\b0: [^;]*; )1: ", r"\1True: ", text)
    text = re.sub(r"^0: ", "False: ", text)
    return text.replace("\\", "\\\\").replace('"""', "'''")


def within(line, width):
    """A line of a comment, wrapped under its own indentation where it is too long."""
    indent = re.match(r" *", line).group(0)
    return [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=indent)


def docstring(function, desc, arguments):
    words = (desc.comment if desc else "") or function.comment or f"{function.name} of {function.header}."
    first, *rest = python_words(words).split("\n")
    lines = within(first, 113) + [part for line in rest for part in within(line, 116)]
    listed = [a for a in arguments if a.comment]
    if listed:
        lines += ["", "Arguments"]
    for a in listed:
        comment = python_words(" ".join(a.comment.split()))
        lines += textwrap.wrap(f"{a.name}: {comment}", 112, initial_indent="    ", subsequent_indent="        ")
    if len(lines) == 1:
        return f'    """{lines[0]}"""\n'
    body = "".join(f"    {line}\n" if line else "\n" for line in lines[1:])
    return f'    """{lines[0]}\n{body}    """\n'


def wrapped(head, items, tail):
    """`head` + the items between commas + `tail`, broken between items, under the first, at 120 columns."""
    lines = [head]
    for i, item in enumerate(items):
        item += tail if i + 1 == len(items) else ","
        if len(lines[-1]) + len(item) + 1 > 120 and lines[-1] != head:
            lines.append(" " * len(head))
        lines[-1] += item if lines[-1].endswith(("(", "[")) or not lines[-1].strip() else " " + item
    return "\n".join(lines if items else [head + tail]) + "\n"


def find_desc(header, function):
    last = function.parameters[-1].type
    return header.structs.get(last.base) if last.pointers == 1 and last.base.endswith("_desc") else None


def constructor(header, function, kind):
    """`kind` is the class that the function gives: Module, Loss, or Optimizer (whose first argument is a module)."""
    name = re.sub(r"^dnn_(\w+?)(_create)?$", r"\1", function.name)
    desc = find_desc(header, function)
    fields = desc_arguments(header, desc) if desc else []
    arguments = [a for _, a in fields] or plain_arguments(header, function)
    signature = [f"{a.name}={a.default}" if a.default else a.name for a in arguments]
    owner = "module" if kind == "Optimizer" else "ctx"
    signature = ["module"] + signature if owner == "module" else signature + ["*", "ctx=None"]
    call = [f'"{function.name}"', owner]
    if desc:
        call += [f"abi.{desc.name}"] + [f"{field}={a.value}" for field, a in fields]
    else:
        call += [a.value for a in arguments]
    return (wrapped(f"def {name}(", signature, "):") + docstring(function, desc, arguments)
            + wrapped(f"    return make_{kind.lower()}(", call, ")"))


def constructors_text(header):
    kinds = {"layers.h": "Module", "loss.h": "Loss", "optimizer.h": "Optimizer"}
    made = [f for f in header.functions.values()
            if f.header in kinds and (f.header == "layers.h" or f.name.endswith("_create"))]
    names = [re.sub(r"^dnn_(\w+?)(_create)?$", r"\1", f.name) for f in made]
    listed = textwrap.fill(", ".join(f'"{n}"' for n in names), 114, initial_indent="    ", subsequent_indent="    ")
    head = (NOTICE + '"""Layers, losses and optimizers, as functions. Their words are those of the C headers.\n'
            "Sizes of sequences, and flags that say whether an argument is given, are filled in here. `ctx` is the\n"
            'context, by default the one that everything shares; text stands for an enum by its last words ("mean").\n'
            '"""\n'
            "from . import _abi as abi\n"
            "from ._make import enum, make_loss, make_module, make_optimizer\n\n"
            f"__all__ = [\n{listed},\n]\n")
    return "\n\n".join([head] + [constructor(header, f, kinds[f.header]) for f in made])


# ---- the files -------------------------------------------------------------------------------------------------------


def files():
    header = headers.read(HEADERS)
    return {HERE / "dnn" / "_abi.py": abi_text(header), HERE / "dnn" / "_constructors.py": constructors_text(header)}


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if arguments:
        for path in stale:
            print(f"{path.name} does not agree with the headers: ./run bindings writes it anew")
        return 1 if stale else 0
    for path in stale:
        path.write_text(files()[path])
        print(f"written: {path.relative_to(HERE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
