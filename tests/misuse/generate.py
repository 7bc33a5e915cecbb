#!/usr/bin/env python3
"""Writes misuse_calls.h: for each public function a C function that calls it with good arguments, but for one.

    generate.py HEADER... > misuse_calls.h

misuse_test.c makes a world of live objects and, argument by argument, hands in NULL, a handle of another kind, one that was
released, memory that is no handle, and a handle of another context.
"""
import re
import sys

ROOM = 32  # pointers of room for what one argument points to
LENDING = ("dnn_module_find",)  # what these return is not the caller's
HANDLES = []  # filled from base.h's and other headers' "typedef struct dnn_x dnn_x;"


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.M)


def split_parameters(text):
    parts, depth, part = [], 0, ""
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    parts = [re.sub(r"\s+", " ", p).strip() for p in parts + [part]]
    return [] if parts == ["void"] else parts


def functions(text):
    for declaration in re.findall(r"\bDNN_API\b([^;{]*);", text):
        match = re.match(r"\s*(.*?)\b(dnn_\w+)\s*\((.*)\)\s*$", declaration, flags=re.S)
        yield match.group(1).strip(), match.group(2), split_parameters(match.group(3))


def type_of(parameter):
    if "(*" in parameter:
        return "function"
    return re.sub(r"\w+$", "", parameter).strip()


def good(parameter, sized, at):
    """An expression for an argument that is as it should be, or at least harmless; each has room of its own."""
    room = f"(void *)&w->room[{at * ROOM}]"
    kind = type_of(parameter)
    base = re.sub(r"\bconst\b|\*|\s", "", kind)
    if kind == "function":
        return "NULL"
    if base in HANDLES and kind.count("*") == 1:
        return f"w->{base[4:]}"
    if kind == "const dnn_tensor *const *":
        return "(const dnn_tensor *const *)w->tensors"
    if kind.endswith("**") or kind in ("double *", "int64_t *", "uint64_t *", "dnn_value *", "void *", "const void *"):
        return room
    if kind == "const char *":
        return '"no-such-folder/x"'
    if kind == "const char *const *":
        return "w->names"
    if kind in ("const int64_t *", "const int32_t *", "const dnn_value *"):
        return "(const void *)w->numbers"
    if base in sized:
        return f"({base}[1]){{{{.size = sizeof({base})}}}}"
    if kind == "const dnn_array *":
        return "w->arrays"
    if kind == "dnn_dtype":
        return "DNN_F32"
    if kind.endswith("*"):
        return room
    return f"({kind})1"


def made_by(result, name, parameters):
    """What the call leaves to its caller: pairs of an expression and the type of the handle."""
    made = [(f"w->room[{i * ROOM}]", type_of(p)[:-2].strip()) for i, p in enumerate(parameters)
            if type_of(p).endswith("**") and type_of(p)[:-2].strip() in HANDLES]
    if result.endswith("*") and result[:-1].strip() in HANDLES and name not in LENDING:
        made.append(("r", result[:-1].strip()))
    return made


def failed(result):
    """Whether the answer says that the call failed."""
    if result == "dnn_status":
        return "r != DNN_OK && r != DNN_END"
    if result.endswith("*"):
        return "r == NULL"
    if result == "double":
        return "!(r >= 0)"
    return "r <= 0"


def emit(result, name, parameters, sized):
    arguments = []
    for i, parameter in enumerate(parameters):
        value = good(parameter, sized, i)
        if type_of(parameter).endswith("*"):
            value = f"at == {i} ? bad : (void *)(uintptr_t)({value})"
        arguments.append(value)
    call = f"{name}({', '.join(arguments)})"
    print(f"static bool call_{name}(world *w, int at, void *bad) {{\n    (void)w, (void)at, (void)bad;")
    if result == "void":
        print(f"    {call};\n    return false;\n}}\n")
        return
    print(f"    {result}{'' if result.endswith('*') else ' '}r = {call};\n    bool failed = {failed(result)};")
    for made, handle in made_by(result, name, parameters):
        print(f"    {handle}_release({made});")
    print("    return failed;\n}\n")


def row(result, name, parameters):
    cells = []
    for parameter in parameters:
        kind = type_of(parameter)
        base = re.sub(r"\bconst\b|\*|\s", "", kind)
        if base in HANDLES and kind.count("*") == 1:
            cells.append(f"HANDLE_{base[4:].upper()}")
        else:
            cells.append("POINTER" if kind.endswith("*") else "VALUE")
    print(f'    {{"{name}", call_{name}, {len(cells)}, {{{", ".join(cells) or "VALUE"}}}}},')


def main(paths):
    text = "\n".join(without_comments(open(path, encoding="utf-8").read()) for path in paths)
    HANDLES.extend(re.findall(r"typedef struct (dnn_\w+) \1;", text))
    sized = set(re.findall(r"typedef struct (dnn_\w+) \{\s*size_t size;", text))
    found = [f for f in functions(text)]
    print("/* Generated from the public headers by generate.py. */\n")
    print("typedef struct world {")
    for handle in HANDLES:
        print(f"    {handle} *{handle[4:]};")
    print("    const dnn_tensor *tensors[4];\n    const char *names[4];\n    int64_t numbers[16];\n    dnn_array arrays[2];")
    print("    void *room[512];\n} world;\n")
    print("typedef enum { VALUE, POINTER, " + ", ".join(f"HANDLE_{h[4:].upper()}" for h in HANDLES) + " } argument_kind;\n")
    for result, name, parameters in found:
        emit(result, name, parameters, sized)
    print("typedef struct {\n    const char *name;\n    bool (*call)(world *w, int at, void *bad);\n    int n;")
    print("    argument_kind arguments[12];\n} function_row;\n")
    print("static const function_row functions[] = {")
    for result, name, parameters in found:
        row(result, name, parameters)
    print("};")


main(sys.argv[1:])
