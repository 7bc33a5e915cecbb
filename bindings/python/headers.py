"""Reads the public headers: a small parser for the C declarations that include/dnn/*.h consist of.

Only the C that those headers use is known: typedefs of structs, enums and opaque handles, functions marked DNN_API,
function pointers, simple macros, and lists of the form `#define SOME_LIST(X) X(NAME, 1, "text") …`. Anything else is an
error with its line, so that a declaration is never lost quietly.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r'(?P<comment>/\*.*?\*/)|(?P<name>\w+)|(?P<text>"[^"]*")|(?P<mark>\.\.\.|[^\s\w])', re.S)
SPECIFIERS = {"const", "struct", "enum", "unsigned", "DNN_API"}


@dataclass
class Type:
    base: str  # "int64_t", "char", "dnn_tensor"
    pointers: int = 0
    const: bool = False  # what the innermost pointer points to is const
    array: str = ""  # the number of elements, as written
    function: "Function" = None  # a pointer to this


@dataclass
class Variable:
    """A field or a parameter."""

    name: str
    type: Type
    comment: str = ""


@dataclass
class Struct:
    name: str
    fields: list
    comment: str = ""


@dataclass
class Enum:
    name: str
    members: list  # (name, number, comment)
    comment: str = ""


@dataclass
class Function:
    name: str
    result: Type
    parameters: list
    comment: str = ""
    header: str = ""


@dataclass
class Header:
    """What was declared, by name, in the order of the headers."""

    constants: dict = field(default_factory=dict)
    lists: dict = field(default_factory=dict)  # X-macros: [(name, number, text)]
    handles: dict = field(default_factory=dict)
    aliases: dict = field(default_factory=dict)
    enums: dict = field(default_factory=dict)
    structs: dict = field(default_factory=dict)
    functions: dict = field(default_factory=dict)


def clean_comment(text):
    """The words of a comment, without its frame; "" for the rulers between sections."""
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in text[2:-2].split("\n")]
    lines[0] = lines[0].strip()
    words = "\n".join(line.rstrip() for line in lines).strip()
    return "" if words.startswith("----") else words


# ---- the preprocessor ------------------------------------------------------------------------------------------------


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def add_macro(header, line):
    """Keeps `#define NAME number` and lists; others (guards, attributes, function-like macros) are of no use here."""
    match = re.match(r"#define\s+(\w+)(\((\w*)\))?\s*(.*)$", without_comments(line), re.S)
    if not match:
        return
    name, argument, body = match.group(1), match.group(3), match.group(4)
    if argument == "X":
        items = re.findall(r'X\(\s*(\w+)\s*,\s*(-?\d+)\s*,\s*"([^"]*)"\s*\)', body)
        header.lists[name] = [(item, int(number), text) for item, number, text in items]
    elif argument is None and body.strip():
        add_constant(header, name, body.strip())


def add_constant(header, name, body):
    body = re.sub(r"U?INT(32|64)_C\((\w+)\)", r"\2", body)
    body = re.sub(r"\b[A-Z]\w+\b", lambda m: str(header.constants.get(m.group(0), m.group(0))), body)
    if re.fullmatch(r"[-+*/()\s.\dxa-f]+", body):
        header.constants[name] = eval(body, {"__builtins__": {}})  # digits and operators only


def strip_preprocessor(header, text):
    """Takes directives out; their lines stay, empty, so that line numbers hold."""
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)

    def directive(match):
        line = match.group(0).replace("\\\n", "\n")
        add_macro(header, line.replace("\n", " "))
        return "\n" * line.count("\n")

    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", directive, text, flags=re.M)


# ---- declarations ----------------------------------------------------------------------------------------------------


class Parser:
    def __init__(self, header, name, text):
        self.header, self.name = header, name
        self.text = strip_preprocessor(header, text)
        self.tokens = [(m.lastgroup, m.group(0), m.start(), m.end()) for m in TOKEN.finditer(self.text)]
        self.at = 0
        self.last_end = 0

    # -- tokens: comments are taken aside, and are found again by their place

    def fail(self, what):
        line = self.text.count("\n", 0, self.tokens[min(self.at, len(self.tokens) - 1)][2]) + 1
        raise SyntaxError(f"{self.name}:{line}: {what}")

    def skip_comments(self):
        while self.at < len(self.tokens) and self.tokens[self.at][0] == "comment":
            self.at += 1

    def peek(self):
        self.skip_comments()
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, expected=None):
        token = self.peek()
        if not token or (expected and token != expected):
            self.fail(f"found '{token}' where '{expected or 'more'}' should be")
        self.last_end = self.tokens[self.at][3]
        self.at += 1
        return token

    def take_if(self, token):
        return self.peek() == token and bool(self.take())

    def trailing_comment(self):
        """The comment that begins on the line where the last token ended: it belongs to what is before it."""
        if self.at < len(self.tokens):
            kind, text, start, end = self.tokens[self.at]
            if kind == "comment" and "\n" not in self.text[self.last_end:start]:
                self.at, self.last_end = self.at + 1, end
                return clean_comment(text)
        return ""

    def comment_before(self):
        """The comment right before the next token: none if an empty line lies between."""
        self.skip_comments()
        kind, text, start, end = self.tokens[self.at - 1]
        if self.at == 0 or kind != "comment" or start < self.last_end:
            return ""
        gap = self.text[end:self.tokens[self.at][2]]
        return clean_comment(text) if gap.count("\n") < 2 else ""

    # -- types and declarators

    def specifiers(self):
        const, base = False, ""
        while not base or self.peek() in SPECIFIERS:
            token = self.take()
            const = const or token == "const"
            if token not in SPECIFIERS:
                base = token
        return base, const

    def declarator(self, base, const):
        """`*name[n]`, or a pointer to a function `(*name)(…)`."""
        pointers = 0
        while self.peek() in ("*", "const"):
            pointers += self.take() == "*"
        if self.take_if("("):
            self.take("*")
            name = self.take()
            self.take(")")
            result = Type(base, pointers, const)
            return Variable(name, Type("", function=Function(name, result, self.parameters())))
        name = self.take() if re.match(r"\w", self.peek()) else ""
        array = ""
        if self.take_if("["):
            array = self.take()
            self.take("]")
        return Variable(name, Type(base, pointers, const, array))

    def parameters(self):
        self.take("(")
        parameters = []
        while not self.take_if(")"):
            parameters.append(self.declarator(*self.specifiers()))
            self.take_if(",")
        return [] if len(parameters) == 1 and parameters[0].type == Type("void") else parameters

    # -- what stands at the top level

    def struct_fields(self):
        fields = []
        self.take("{")
        while True:
            comment = self.comment_before()
            if self.take_if("}"):
                return fields
            base, const = self.specifiers()
            names = [self.declarator(base, const)]
            while self.take_if(","):
                names.append(self.declarator(base, const))
            self.take(";")
            comment = self.trailing_comment() or comment
            for variable in names:
                variable.comment = comment
            fields += names

    def enum_members(self):
        members = []
        self.take("{")
        while not self.take_if("}"):
            name = self.take()
            if name in self.header.lists:
                self.parameters()
                members += self.header.lists[name]
                continue
            self.take("=")
            number = self.take()
            number = -int(self.take()) if number == "-" else int(number)
            self.take_if(",")
            members.append((name, number, self.trailing_comment()))
        return members

    def typedef(self, comment):
        kind = self.peek()
        if kind not in ("struct", "enum"):
            base, const = self.specifiers()
            alias = self.declarator(base, const)
            self.header.aliases[alias.name] = alias.type
            return
        self.take()
        name = self.take()
        if self.peek() != "{":
            self.header.handles[self.take()] = True
        elif kind == "struct":
            self.header.structs[name] = Struct(name, self.struct_fields(), comment)
            self.take(name)
        else:
            self.header.enums[name] = Enum(name, self.enum_members(), comment)
            self.take(name)

    def function(self, comment):
        base, const = self.specifiers()
        pointers = 0
        while self.take_if("*"):
            pointers += 1
        name = self.take()
        function = Function(name, Type(base, pointers, const), self.parameters(), comment, self.name)
        self.header.functions[name] = function
        return function

    def run(self):
        group = ""  # declarations without an empty line between them share the comment before the first
        while self.peek():
            gap = self.text[self.last_end:self.tokens[self.at][2]]
            group = self.comment_before() or (group if "\n\n" not in gap else "")
            function = None
            if self.take_if("typedef"):
                self.typedef(group)
            elif self.peek() == "DNN_API":
                function = self.function(group)
            else:
                self.fail(f"'{self.peek()}' begins no declaration that is known here")
            self.take(";")
            trailing = self.trailing_comment()
            if function and trailing:
                function.comment = "\n".join(filter(None, (function.comment, trailing)))


def includes(text):
    return re.findall(r'^#include "(\w+\.h)"', text, flags=re.M)


def in_order(folder):
    """The headers, each after those that it includes."""
    done = []

    def visit(path):
        if path in done:
            return
        for name in includes(path.read_text()):
            visit(folder / name)
        done.append(path)

    for path in sorted(folder.glob("*.h")):
        visit(path)
    return done


def read(folder):
    """All headers of a folder (a pathlib.Path) as one Header."""
    header = Header()
    for path in in_order(folder):
        Parser(header, path.name, path.read_text()).run()
    return header
