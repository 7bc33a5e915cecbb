"""The generated files agree with the headers, with the C compiler, and with the libraries."""
import ctypes
import re

import pytest

import dnn
import generate
import headers
from conftest import ROOT
from dnn import _abi as abi
from dnn import _library, errors

HEADER = headers.read(ROOT / "include" / "dnn")
STRUCTS = {name: getattr(abi, name) for name in HEADER.structs if hasattr(abi, name)}


@pytest.mark.parametrize("path", generate.files(), ids=lambda path: path.name)
def test_generated_files_agree_with_the_headers(path):
    assert path.read_text() == generate.files()[path], "./run bindings writes it anew"


def test_layout_of_structs_and_numbers_of_enums_agree_with_the_compiler(compile_and_run):
    lines, expected = [], []
    for name, struct in STRUCTS.items():
        lines.append(f'    printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, _ in struct._fields_:
            lines.append(f'    printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
            expected.append(f"{name}.{field} {getattr(struct, field).offset}")
    for enum in filter(abi.__dict__.get, HEADER.enums):
        lines.append(f'    printf("{enum} %zu\\n", sizeof({enum}));')
        expected.append(f"{enum} {ctypes.sizeof(ctypes.c_int)}")
        for member in getattr(abi, enum):
            lines.append(f'    printf("{member.name} %d\\n", (int){member.name});')
            expected.append(f"{member.name} {int(member)}")
    text = ("#include <dnn/dnn.h>\n#include <dnn/io.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n"
            + "\n".join(lines) + "\n    return 0;\n}\n")
    assert compile_and_run(text).split("\n")[:-1] == expected


@pytest.mark.parametrize("library, table", [("dnn", abi.DNN), ("dnn_io", abi.DNN_IO)])
def test_every_exported_symbol_is_bound(library, table):
    exported = re.findall(r"^\s+(dnn_\w+);", (ROOT / "cmake" / f"{library}.map").read_text(), flags=re.M)
    assert sorted(table) == sorted(exported)


def test_the_library_that_is_loaded_has_every_function():
    library = ctypes.CDLL(_library.path)
    assert [name for name in abi.DNN if not hasattr(library, name)] == []


def test_statuses_have_exceptions():
    failing = {status for status in abi.dnn_status if status.name.startswith("DNN_ERROR")}
    assert set(errors.CLASSES) == failing
    assert all(issubclass(c, dnn.Error) for c in errors.CLASSES.values())
    assert type(errors.make(59, "from a newer library")) is dnn.Error


def test_versions_agree():
    project = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
    assert f'version = "{dnn.__version__}"' in project
    assert dnn.library_version().split(".")[:2] == dnn.__version__.split(".")[:2]


def test_a_function_that_an_older_library_lacks_says_so():
    functions = _library.Functions(ctypes.CDLL(_library.path), {"dnn_not_there": (ctypes.c_int, [])})
    with pytest.raises(dnn.UnsupportedError, match="dnn_not_there is not in the library"):
        functions.dnn_not_there()


def test_the_parser_refuses_what_it_does_not_know():
    with pytest.raises(SyntaxError, match="x.h:2"):
        headers.Parser(headers.Header(), "x.h", "DNN_API int32_t dnn_fine(void);\nint dnn_not_marked(void);\n").run()


def test_the_parser_reads_what_headers_have():
    header = headers.Header()
    headers.Parser(header, "x.h", """
#define DNN_N 3
/* What it is. */
typedef struct dnn_thing {
    size_t size;
    const int64_t *a, b[DNN_N]; /* two */
    void (*call)(void *user, const char *text);
} dnn_thing;
DNN_API dnn_thing *dnn_make(const double *const *rows); /* makes one */
""").run()
    a, b, call = header.structs["dnn_thing"].fields[1:]
    assert (a.type.pointers, b.type.pointers, b.type.array, a.comment, b.comment) == (1, 0, "DNN_N", "two", "two")
    assert [p.type.base for p in call.type.function.parameters] == ["void", "char"]
    assert header.functions["dnn_make"].comment == "What it is.\nmakes one"
    assert generate.Types(header).of(b.type) == "c_int64 * 3"


def test_a_class_that_a_function_makes_says_which():
    net = dnn.Sequential(dnn.linear(3, 2))
    with pytest.raises(TypeError, match=r"Made by dnn\.monitor\(net, opt\)"):
        dnn.Monitor(net, dnn.sgd(net))
    with pytest.raises(TypeError, match=r"Made by dnn\.sgd\(net\)"):
        dnn.Optimizer(net, net)
