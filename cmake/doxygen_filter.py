#!/usr/bin/env python3
"""Shows Doxygen the plain comments of a header. Ours are written for readers of the header: one comment speaks for all
declarations down to the next blank line, and a comment behind a field is about that field.

    doxygen_filter.py HEADER
"""
import re
import sys

MARKDOWN = str.maketrans({c: "\\" + c for c in "\\@<>#"})  # what Doxygen would take for a command


def is_declaration(line):
    return re.match(r"(DNN_API|typedef|#define|inline|template)\b", line) is not None


def comment_lines(lines, start):
    """The comment block that begins on line `start`, and the number of the line behind it."""
    end = start
    while "*/" not in lines[end]:
        end += 1
    return lines[start:end + 1], end + 1


def escaped(line):
    return line if re.match(r" \*     ", line) else line.translate(MARKDOWN)  # code is shown as it is


def documentation(block, opening):
    text = "\n".join(block)
    body = "\n".join(map(escaped, text[text.index("/*") + 2:text.rindex("*/")].split("\n")))
    return re.match(r"\s*", text).group() + opening + body + "*/"


def trailing_comments(line):
    match = re.match(r"(.*[;,{}\w)\"]\s*)/\*(.*?)(\*/)?$", line)
    if not match or match.group(1).strip() == "":
        return line
    return f"{match.group(1)}/**<{match.group(2).translate(MARKDOWN)}{match.group(3) or ''}"


def filtered(lines):
    out, note, i, first = [], None, 0, True
    while i < len(lines):
        line = lines[i]
        if re.match(r"\s*/\*", line):
            block, i = comment_lines(lines, i)
            if first:
                out.append(documentation(block, "/** @file\n"))
            elif re.match(r"\s*/\* -{3,}", line):
                out += block
            elif line.startswith("/*"):
                note = documentation(block, "/**")
            else:
                out.append(documentation(block, "/**"))
            first = False
            continue
        if line.strip() == "":
            note = None
        elif note and is_declaration(line):
            out.append(note)
        out.append(trailing_comments(line))
        i += 1
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        sys.stdout.write(filtered(header.read().split("\n")))
