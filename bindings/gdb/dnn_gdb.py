"""gdb: handles of libdnn in words.

    (gdb) print x            float32 [32,1,28,28], min -0.424, mean 0.0103, max 2.82, first -0.424, -0.424, …
    (gdb) print net          sequential of 5 (conv1, relu1, …), 8 tensors of 21,840 numbers, training = {…}
    (gdb) print/r net        the pointer alone

Installed where gdb finds it with the library; elsewhere: source dnn_gdb.py. What a handle holds is known from the
library's debug information; without it (a library that was stripped) a line says what kind of handle it is, and so much.
Nothing of the program is called: core files can be read too. Work is bounded, whatever a handle points to.
"""
import array
import itertools
import math
import re
import struct

import gdb
import gdb.printing

MOST_NUMBERS = 65536  # of a tensor that are read
FIRST_NUMBERS = 6     # that are shown
MOST_MODULES = 20000  # that are walked over
MOST_FRAMES = 64      # searched for the root of a module's tree
MOST_SYMBOLS = 2000   # in one block of it
MOST_CHILDREN = 20    # that are listed

# What stands first in every handle: src/core/object.h.
DEAD = 0x6ead0dee
KINDS = {
    0x6e6e0c01: "context", 0x6e6e0702: "tensor", 0x6e6e0d03: "module", 0x6e6e0904: "predictor",
    0x6e6e0505: "description", 0x6e6e0106: "loss", 0x6e6e0f07: "optimizer", 0x6e6e0a08: "dataset",
    0x6e6e0b09: "loader", 0x6e6e0e0a: "check_report", 0x6e6e030b: "archive", 0x6e6e020c: "report",
    0x6e6e080d: "schedule", 0x6e6e0c1e: "metrics", 0x6e6e011f: "average", 0x6e6e0c0e: "transform",
    0x6e6e040e: "summary", 0x6e6e0f0e: "statistics", 0x6e6e060f: "run", 0x6e6e0d0f: "monitor",
    0x6e6e0a2f: "search", 0x6e6e050f: "strip",
}

# Number: name, bytes, how Python reads it. "bf16" is widened by hand.
DTYPES = {
    10: ("float32", 4, "f"), 11: ("float64", 8, "d"), 20: ("bfloat16", 2, "bf16"), 21: ("float16", 2, "e"),
    30: ("uint8", 1, "B"), 31: ("int32", 4, "i"), 32: ("int64", 8, "q"), 40: ("bool", 1, "B"),
}


class Damaged(Exception):
    """What is found cannot be what it claims to be."""


def memory(address, count):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, count))
    except gdb.MemoryError:
        raise Damaged(f"memory at {address:#x} cannot be read") from None


def text(pointer):
    """A string of C's, None for NULL."""
    if int(pointer) == 0:
        return None
    return pointer.string(errors="replace", length=-1) if pointer.type.code == gdb.TYPE_CODE_PTR else pointer.string()


def first_line(pointer):
    return (text(pointer).splitlines() or [""])[0][:80]


def count_of(number, word):
    plural = word + ("es" if word.endswith("s") else "s")
    return f"{number:,} {word if number == 1 else plural}"


# ---- arrays ----------------------------------------------------------------------------------------------------------

def shape_of(a):
    rank = int(a["rank"])
    dims = [int(a["dims"][i]) for i in range(rank)] if 0 <= rank <= 8 else [-1]
    if any(n < 0 for n in dims):
        raise Damaged(f"damaged: an array of {rank} axes {dims}")
    return dims


def dtype_of(a):
    number = int(a["dtype"])
    if number not in DTYPES:
        raise Damaged(f"damaged: its dtype is {number}")
    return DTYPES[number]


def head(a):
    """float32 [2,3]"""
    return f"{dtype_of(a)[0]} [{','.join(map(str, shape_of(a)))}]"


def numbers(address, count, size, form):
    data = memory(address, count * size)
    if form == "bf16":
        return [struct.unpack("<f", struct.pack("<I", h << 16))[0] for h in array.array("H", data)]
    if form == "e":
        return struct.unpack(f"{count}e", data)
    return array.array(form, data)


def shown(x):
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def figures(values):
    finite = [x for x in values if math.isfinite(x)]
    nans = sum(1 for x in values if x != x)
    parts = []
    if finite:
        mean = math.fsum(finite) / len(finite)
        parts.append(f"min {shown(min(finite))}, mean {mean:.6g}, max {shown(max(finite))}")
    if nans:
        parts.append(f"{nans:,} NaN")
    if len(values) - len(finite) - nans:
        parts.append(f"{len(values) - len(finite) - nans:,} infinite")
    return parts


def array_text(a):
    what, count, address = head(a), math.prod(shape_of(a)), int(a["data"])
    if count == 0:
        return f"{what}, empty"
    if address == 0:
        return f"{what}, without data"
    _, size, form = dtype_of(a)
    read = min(count, MOST_NUMBERS)
    try:
        values = numbers(address, read, size, form)
    except Damaged as damage:
        return f"{what}, {damage}"
    parts = figures(values)
    if read < count:
        parts[0] = f"of the first {read:,} numbers: {parts[0]}"
    first = ", ".join(shown(x) for x in values[:FIRST_NUMBERS])
    return ", ".join([what, *parts, "first " + first + (", …" if count > FIRST_NUMBERS else "")])


def tensor_text(t):
    if int(t["storage"]) and int(t["storage"]["zero"]):
        return f"{head(t['array'])}, zeros (cleared, not written since)"
    return array_text(t["array"])


# ---- modules ---------------------------------------------------------------------------------------------------------

def items(counted, field="items", count="count", most=MOST_CHILDREN):
    n = int(counted[count])
    if not 0 <= n < 1 << 40:
        raise Damaged(f"damaged: {n} {field}")
    return [counted[field][i] for i in range(min(n, most))]


def children(m, most=MOST_MODULES):
    """(name, address of the module)"""
    return [(text(c["name"]), c["module"]) for c in items(m, "children", "n_children", most)]


def module_type(m):
    if int(m["layer_class"]):
        return text(m["layer_class"]["type"])
    return "sequential" if int(m["is_sequential"]) else "graph"


def walk(pointer):
    """(path, pointer) of a module and all below, each once, parents first; no more than MOST_MODULES."""
    waiting, seen = [("", pointer)], set()
    while waiting and len(seen) < MOST_MODULES:
        path, m = waiting.pop()
        if int(m) in seen:
            continue
        seen.add(int(m))
        yield path, m
        below = children(m.dereference())
        waiting.extend((f"{path}.{name}" if path else name, child) for name, child in reversed(below))


def is_module(value):
    t = value.type.strip_typedefs()
    return t.code == gdb.TYPE_CODE_PTR and handle_name(t.target()) == "module"


def modules_in(value):
    """The modules that a variable points to: by itself, or as a field of a struct."""
    if is_module(value):
        return [value]
    t = value.type.strip_typedefs()
    if t.code == gdb.TYPE_CODE_PTR and t.target().strip_typedefs().code == gdb.TYPE_CODE_STRUCT and int(value):
        value, t = value.dereference(), t.target().strip_typedefs()
    if t.code != gdb.TYPE_CODE_STRUCT or handle_name(t):
        return []
    return [value[f] for f in t.fields() if is_module(value[f])]


def variables(frame, seen):
    """What is in scope in a frame: locals, then the file's own, then those of all files; a file's once."""
    try:
        block = frame.block()
    except RuntimeError:  # no debug information here
        return
    while block:
        place = (block.start, block.end, block.is_static, block.is_global)
        if place not in seen or block.function:
            for symbol in itertools.islice(block, MOST_SYMBOLS):
                if symbol.is_variable or symbol.is_argument:
                    yield symbol.value(frame) if symbol.needs_frame else symbol.value()
        seen.add(place)
        block = block.superblock


def roots():
    """The modules that the program's variables point to."""
    try:
        frame = gdb.newest_frame()
    except gdb.error:
        return
    seen = set()
    for _ in range(MOST_FRAMES):
        if frame is None:
            return
        for value in variables(frame, seen):
            try:
                yield from (m for m in modules_in(value) if kind_at(int(m)) == "module")
            except (gdb.error, Damaged):
                continue  # optimised out, not begun yet
        frame = frame.older()


def path_of(address):
    """Where a module is in a tree that a variable holds; None if nowhere."""
    seen = {address}
    for root in itertools.islice(roots(), 200):
        if int(root) in seen:
            continue
        seen.add(int(root))
        for path, m in walk(root):
            if int(m) == address and path:
                return path
    return None


def parameter_list(m):
    shapes = [f"{text(p['name'])} {head(p['value']['array'])}" + (" frozen" if int(p["frozen"]) else "")
              for p in items(m["parameters"])]
    return f"{', '.join(shapes)}" if shapes else "no parameters"


def container_text(m, pointer):
    names = [name for name, _ in children(m)]
    listed = ", ".join(names[:MOST_CHILDREN]) + (", …" if len(names) > MOST_CHILDREN else "")
    tensors = total = 0
    for _, below in walk(pointer):
        for p in items(below["parameters"], most=MOST_MODULES):
            tensors, total = tensors + 1, total + math.prod(shape_of(p["value"]["array"]))
    return f"{module_type(m)} of {len(names)} ({listed}), {count_of(tensors, 'tensor')} of {total:,} numbers"


def module_text(m):
    what = f"{module_type(m)}, {parameter_list(m)}" if int(m["layer_class"]) else container_text(m, m.address)
    path = path_of(int(m.address))
    if path:
        what = f"{path}: {what}"
    if int(m["error_kept"]):
        what += f", keeps the error \"{m['error']['line'].string(errors='replace')}\""
    return what + (", training" if int(m["training"]) else ", evaluating")


def module_children(m):
    if not int(m["layer_class"]):
        for name, child in children(m, MOST_CHILDREN):
            yield name, handle_text(child, "module", brief=True)
        return
    for group in ("parameters", "buffers"):
        for p in items(m[group]):
            yield text(p["name"]), tensor_text(p["value"].dereference())


def module_brief(m):
    """Without its path, and without what is below."""
    names = [name for name, _ in children(m)]
    return f"{module_type(m)} of {len(names)}" if names else f"{module_type(m)}, {parameter_list(m)}"


# ---- the other handles -----------------------------------------------------------------------------------------------

def class_name(pointer):
    """"adam" of a pointer to adam_class."""
    found = re.search(r"<(\w+?)(_class)?(\+\d+)?>", str(pointer))
    return found.group(1) if found else "a class of the host's"


def scalar(tensor, dtype):
    return numbers(int(tensor["array"]["data"]), 1, *DTYPES[dtype][1:])[0]


def optimizer_text(o):
    parts = [f"{class_name(o['optimizer_class'])} of {module_brief(o['module'])}",
             count_of(int(o["n_slots"]), "tensor"), f"step {scalar(o['steps'], 32):,}", f"rate {scalar(o['lr'], 11):g}",
             f"weight decay {float(o['groups'][0]['weight_decay']):g}"]
    if int(o["n_groups"]) > 1:
        parts.append(f"{int(o['n_groups'])} groups")
    if float(o["max_norm"]) > 0:
        parts.append(f"gradient norm {float(o['norm']):g}, clipped at {float(o['max_norm']):g}")
    return ", ".join(parts)


def dataset_text(d):
    parts = [count_of(int(d["count"]), "sample"), "inputs " + head(d["input"])]
    parts.append("targets " + head(d["target"]) if int(d["target"]["dtype"]) else "no targets")
    if int(d["metadata"]["classes"]):
        parts.append(count_of(int(d["metadata"]["classes"]), "class"))
    return ", ".join(parts)


def loader_text(l):
    order = "shuffled" if int(l["order"]) else "in order"
    return (f"batches of {int(l['batch_size'])}, {order}, {int(l['batches'])} an epoch; next: epoch "
            f"{int(l['next']['epoch'])}, batch {int(l['next']['batch'])}; {count_of(int(l['started']), 'thread')}; of "
            f"{dataset_text(l['dataset'].dereference())}")


def schedule_text(s):
    d = s["desc"]
    kind = str(d["kind"]).replace("DNN_SCHEDULE_", "").lower()
    return f"{kind}, rate {float(d['lr']):g}, warm-up {float(d['warmup']):g} of {float(d['epochs']):g} epochs"


def report_text(r):
    findings = items(r, "findings", "n_findings")
    lines = [f"\"{text(r['title'])}\", {count_of(int(r['n_findings']), 'finding')}"]
    for f in findings[:3]:
        severity = str(f["severity"]).replace("DNN_SEVERITY_", "").lower()
        lines.append(f"{severity} {text(f['name'])}: {text(f['what'])}")
    return "; ".join(lines)


def context_text(c):
    return f"{c['description'].string(errors='replace')}, seed {int(c['seed'])}"


def loss_text(l):
    return f"{text(l['loss_class']['type'])}, {str(l['reduction']).replace('DNN_REDUCTION_', '').lower()}"


def predictor_text(p):
    return f"of {module_text(p['module'].dereference())}"


def average_text(a):
    kind = str(a["kind"]).replace("DNN_AVERAGE_", "").lower()
    swapped = ", swapped in" if int(a["swapped"]) else ""
    return f"{kind}, decay {float(a['decay']):g}, {count_of(scalar(a['updates'], 32), 'update')}{swapped}"


def monitor_text(m):
    f = m["figures"]
    lines = [f"step {int(f['steps']):,}, loss {float(f['loss']):g}, smoothed {float(f['smoothed']):g}, gradient norm "
             f"{float(f['gradient_norm']):g}, update to weight {float(f['update_ratio']):g}"]
    low, high = m["notes"].type.range()
    notes = [m["notes"][i] for i in range(low, high + 1)]
    return "; ".join(lines + [n["what"].string(errors="replace") for n in notes if int(n["times"]) > 0])


def description_text(d):
    t = d["totals"]
    return (f"{count_of(int(t['steps']), 'step')}, {int(t['parameters']):,} parameters, {float(t['flops']):g} FLOPs, "
            f"an arena of {int(t['arena_bytes']):,} bytes")


def transform_text(t):
    below = [class_name(t["children"][i]["class"]) for i in range(min(int(t["n_children"]), MOST_CHILDREN))]
    return class_name(t["class"]) + (f" of {', '.join(below)}" if below else "")


def archive_text(a):
    return f"{count_of(int(a['n_entries']), 'tensor')}, {count_of(int(a['n_pairs']), 'text')}"


def parts_text(p):
    names = ("module", "optimizer", "schedule", "loader", "average")
    held = [f"{name} ({handle_text(p[name], name, brief=True)})" for name in names if int(p[name])]
    if int(p["n_tensors"]):
        held.append(count_of(int(p["n_tensors"]), "tensor") + " of the host's")
    return "parts of a checkpoint: " + (", ".join(held) or "none")


PLAIN = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM)


def any_text(value):
    """Of a handle that has no words of its own: the first of its plain fields."""
    fields = value.type.strip_typedefs().fields()
    plain = [f"{f.name} {value[f.name]}" for f in fields if f.type.strip_typedefs().code in PLAIN]
    texts = [f"{f.name} \"{first_line(value[f.name])}\"" for f in fields if str(f.type) == "char *" and int(value[f.name])]
    return ", ".join((texts + plain)[:8]) or "nothing plain in it"


WORDS = {
    "tensor": tensor_text, "module": module_text, "optimizer": optimizer_text, "dataset": dataset_text,
    "loader": loader_text, "schedule": schedule_text, "report": report_text, "context": context_text,
    "loss": loss_text, "predictor": predictor_text, "average": average_text, "monitor": monitor_text,
    "description": description_text, "transform": transform_text, "archive": archive_text,
}
BRIEF = dict(WORDS, module=module_brief)

# ---- handles ---------------------------------------------------------------------------------------------------------

def handle_name(t):
    """"tensor" of the struct dnn_tensor; None of what is no handle."""
    tag = t.strip_typedefs().unqualified().tag or ""
    name = tag[4:] if tag.startswith("dnn_") else None
    return name if name in KINDS.values() else None


def kind_at(address):
    kind, _ = struct.unpack("=Ii", memory(address, 8))
    return "released" if kind == DEAD else KINDS.get(kind)


def complete(pointer, name):
    """The same pointer with its struct's fields, if any file that is loaded knows them; otherwise None."""
    if pointer.type.strip_typedefs().target().strip_typedefs().fields():
        return pointer
    try:
        full = gdb.lookup_type(f"struct dnn_{name}")
    except gdb.error:
        return None
    return pointer.cast(full.pointer()) if full.fields() else None


def named(name):
    return name.replace("_", " ")


def handle_text(pointer, name, brief=False):
    address = int(pointer)
    if address == 0:
        return "NULL"
    found = kind_at(address)
    if found == "released":
        return f"a handle that was released (it should be a {named(name)})"
    if found != name:
        return f"a {named(found)}, not a {named(name)}" if found else "no handle: damaged, or freed"
    known = complete(pointer, name)
    if known is None:
        return f"a {named(name)}; libdnn was built without debug information (-g), which would say more"
    return (BRIEF if brief else WORDS).get(name, any_text)(known.dereference())


def in_words(function, *arguments):
    """What a function says; whatever goes wrong, a sentence."""
    try:
        return function(*arguments)
    except Damaged as damage:
        return str(damage)
    except Exception as error:  # whatever the memory holds: a debugger's user is never shown this file's own faults
        return f"cannot be shown: {error}"


class HandlePrinter:
    def __init__(self, pointer, name):
        self.pointer, self.name = pointer, name

    def to_string(self):
        address = int(self.pointer)
        words = in_words(handle_text, self.pointer, self.name)
        return words if address == 0 else f"{address:#x}: {words}"


class ModulePrinter(HandlePrinter):
    """With what is in it: of a container its children, of a layer its tensors."""

    def children(self):
        def listed():
            if int(self.pointer) == 0 or kind_at(int(self.pointer)) != "module":
                return []
            known = complete(self.pointer, "module")
            return [] if known is None else list(module_children(known.dereference()))
        found = in_words(listed)
        return iter(found if isinstance(found, list) else [("?", found)])


class WordsPrinter:
    """Of a value that is no handle."""

    def __init__(self, value, function):
        self.value, self.function = value, function

    def to_string(self):
        return in_words(self.function, self.value)


# ---- numbers that have names -----------------------------------------------------------------------------------------

MEANINGS = {  # include/dnn/status.h
    0: ("DNN_OK", "no error"),
    1: ("DNN_END", "there is no more: the end of an epoch or of a list, not an error"),
    10: ("DNN_ERROR_ARGUMENT", "an argument is NULL, out of range, or contradicts another"),
    11: ("DNN_ERROR_HANDLE", "a handle is of the wrong kind, released already, or of another context"),
    20: ("DNN_ERROR_SHAPE", "shapes do not fit together"),
    21: ("DNN_ERROR_DTYPE", "an element type is not the one that is needed"),
    22: ("DNN_ERROR_VALUE", "a value cannot be used or represented: a label out of range, a lossy cast"),
    30: ("DNN_ERROR_STATE", "a call in the wrong phase: backward before forward, say"),
    31: ("DNN_ERROR_NOT_FOUND", "nothing has that name, path or index"),
    32: ("DNN_ERROR_UNSUPPORTED", "this is not supported, here or by this build"),
    40: ("DNN_ERROR_MEMORY", "out of memory"),
    41: ("DNN_ERROR_THREAD", "a thread could not be started"),
    50: ("DNN_ERROR_IO", "a file could not be opened, read, written or renamed"),
    51: ("DNN_ERROR_FORMAT", "a file is not what it claims to be: truncated, corrupt or of another format"),
    60: ("DNN_ERROR_CALLBACK", "a function of the host's reported a failure"),
    90: ("DNN_ERROR_INTERNAL", "a fault in the library itself: please report it"),
}


def status_text(value):
    name, meaning = MEANINGS.get(int(value), (str(int(value)), "no status of this library's"))
    return f"{name} ({meaning})"


def dtype_text(value):
    number = int(value)
    if number == 0:
        return "DNN_DTYPE_NONE"
    return DTYPES[number][0] if number in DTYPES else f"{number} (no dtype of this library's)"


PLAIN_WORDS = {"dnn_status": status_text, "dnn_dtype": dtype_text, "dnn_array": array_text,
               "dnn_checkpoint_parts": parts_text}

# ---- gdb asks --------------------------------------------------------------------------------------------------------

class Printers(gdb.printing.PrettyPrinter):
    """Pointers to handles, handles themselves, and the public structs and enumerations above."""

    def __init__(self):
        super().__init__("dnn")

    def __call__(self, value):
        t = value.type.strip_typedefs().unqualified()
        if t.code == gdb.TYPE_CODE_PTR:
            name = handle_name(t.target())
            return self.of_handle(value, name) if name else None
        name = handle_name(t)
        if name and value.address is not None:
            return self.of_handle(value.address, name)
        function = PLAIN_WORDS.get(t.tag or "")
        return WordsPrinter(value, function) if function else None

    def of_handle(self, pointer, name):
        return (ModulePrinter if name == "module" else HandlePrinter)(pointer, name)


gdb.printing.register_pretty_printer(gdb.current_objfile(), Printers(), replace=True)
