"""Tables of text as programs write them: encoding, notes above the header, separators, fixed width.

`take_apart` finds the line with the names of the columns and the rows below it, in CSV with commas,
semicolons, tabs, bars or blanks, in columns of fixed width, Geosoft XYZ (notes begin with /, lines
of the survey with ``Line``), GMT tables (names behind #, segments begin with >) and PANGAEA (a
block /* ... */ above).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field

import numpy as np

from . import _table

SEPARATORS = ",;\t|"
LOOKED_AT = 65_536  # bytes in which the header must lie
NOTES = (b"#", b"/", b"%", b">", b"!")
SEGMENT = rb"(?im)^[ \t]*(?:>.*|(?:line|tie|random)[ \t]+\S+[ \t]*)$\n?"


@dataclass
class Text:
    """A table of text, taken apart."""

    header: list  # names of the columns
    separator: str
    body: bytes  # the lines after the header: rows alone
    wrong: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))  # rows that do not fit
    fields: np.ndarray = field(default_factory=lambda: np.zeros(0, int))  # number in each row
    starts: list = field(default_factory=list)  # rows with which a segment begins


def decoded(content) -> bytes:
    """Text as UTF-8 with a newline at each line end; UTF-16 is told by its mark or its zeros."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode()
    else:
        start = content[:1000]
        for zeros, name in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):
            if len(start) > 20 and zeros.count(0) > 0.8 * len(zeros):
                content = content.decode(name, "replace").encode()
                break
    content = _table.unified(content).replace(b"\0", b"")
    try:
        content.decode()
    except UnicodeDecodeError:
        content = content.decode("cp1252", "replace").encode()
    return content


def take_apart(content, is_header) -> Text:
    """Take a table of text apart.

    `is_header` tells whether a list of names is that of the columns; where no line is, the first
    line that is no note is taken.
    """
    content = decoded(content)
    if content.lstrip().startswith(b"/*"):  # PANGAEA
        content = content.partition(b"*/")[2].lstrip(b" \t\n")
    start, first = 0, None
    for line in content[:LOOKED_AT].split(b"\n"):
        end = start + len(line) + 1
        note = line.lstrip().startswith(NOTES)
        names = _fields(line.lstrip(b" \t#/%!").rstrip()) if line.strip() else []
        if is_header(names):
            return _below(names, line, content[end:], note)
        if first is None and line.strip() and not note:
            first = names, line, end
        start = end
    names, line, end = first or ([], b"", len(content))
    return _below(names, line, content[end:], False)


def _fields(line):
    """Names on a line, split where most separators are, or else at blanks."""
    text = line.decode(errors="replace")
    separator = max(SEPARATORS, key=text.count)
    if not text.count(separator):
        return text.split()
    try:
        names = next(csv.reader([text], delimiter=separator), [])
    except csv.Error:  # a field of more than 131,072 characters
        names = text.split(separator)
    return [name.strip() for name in names]


def _below(header, line, body, note):
    """Take the rows below a header apart."""
    body, starts = _rows_alone(body)
    first = line if not note else body.partition(b"\n")[0]
    text = first.decode()
    separator = max(SEPARATORS, key=text.count)
    if text.count(separator) and (not note or len(header) > 1):
        made = Text(header, separator, body, starts=starts)
    elif len(header) > 2:
        made = _of_blanks(header, line, body, note)
        made.starts = starts
    else:
        made = Text(header, ",", body, starts=starts)
    return _checked(made)


def _rows_alone(body):
    """Lines of readings without notes and heads of segments; and the rows that begin a segment."""
    starts = []
    if re.search(rb"(?m)^[ \t]*[#/%!]", body):
        body = re.sub(rb"(?m)^[ \t]*[#/%!].*\n?", b"", body)
    if re.search(rb"(?m)^ *\n", body):
        body = re.sub(rb"(?m)^ *\n", b"", body)
    if re.search(SEGMENT, body):
        row, kept = 0, []
        for part in re.split(SEGMENT, body):
            starts.append(row)
            row += part.count(b"\n")
            kept.append(part)
        body = b"".join(kept)
    return body, sorted(set(starts) - {0})


def _of_blanks(header, line, body, note):
    """Table whose columns have blanks between them: tabs take their place."""
    rows = [row for row in body.split(b"\n") if row.strip()]
    count = np.array([len(row.split()) for row in rows], int)
    few = count < len(header)
    if few.any() and not note:
        fixed = _of_fixed_width(header, line, rows, body.endswith(b"\n"))
        if fixed is not None:
            return fixed
    end = b"\n" if body.endswith(b"\n") else b""
    few[-1:] &= bool(end)  # a last line without its end is cut
    return Text(header, "\t", b"\n".join(b"\t".join(row.split()) for row in rows) + end, few)


def _of_fixed_width(header, line, rows, whole):
    """Table of fixed width in which fields may be blank, or None where columns do not line up.

    A column is where any line has a character; between columns all are blank.
    """
    width = max(map(len, [line, *rows]))
    used = np.zeros(width, bool)
    for row in [line, *rows]:
        used[: len(row)] |= np.frombuffer(row, np.uint8) != ord(" ")
    edge = np.flatnonzero(np.diff(np.r_[False, used, False]))
    columns = list(zip(edge[::2], edge[1::2], strict=True))
    if len(columns) != len(header):
        return None
    lines = (b"\t".join(row[a:b].strip() for a, b in columns) for row in rows)
    return Text(header, "\t", b"\n".join(lines) + (b"\n" if whole else b""))


def _checked(text):
    """Find rows with more fields than the header has names (or, with blanks between, fewer).

    These are emptied, so that nothing in them is taken for what it is not.  A table whose rows all
    have one more, as R writes the names of rows, gets a name for the first.
    """
    number = text.fields = _fields_of_rows(text)
    wrong = number > len(text.header)
    lines, separator = None, text.separator.encode()
    if wrong.any():
        lines = text.body.split(b"\n")
        for k in np.flatnonzero(wrong):  # empty fields at the end are none
            wrong[k] = lines[k].rstrip(separator + b" ").count(separator) >= len(text.header)
        if wrong.all() and (number == len(text.header) + 1).all():
            first = [line.partition(separator)[0] for line in lines if line]
            if len(set(first)) == len(first):
                text.header, text.wrong = ["(row)", *text.header], ~wrong
                return text
    if len(text.wrong) == len(wrong):
        wrong |= text.wrong
    if wrong.any():
        lines = lines or text.body.split(b"\n")
        for k in np.flatnonzero(wrong):
            lines[k] = separator * max(len(text.header) - 1, 1)
        text.body = b"\n".join(lines)
    text.wrong = wrong
    return text


def _fields_of_rows(text):
    """Count the fields of each row; separators between quotation marks are none."""
    letters = np.frombuffer(text.body, np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    separators = np.flatnonzero(letters == ord(text.separator))
    if letters.size and letters[-1] != ord("\n"):
        ends = np.append(ends, letters.size)
    if b'"' in text.body:
        quotes = np.flatnonzero(letters == ord('"'))
        line = np.searchsorted(ends, separators)
        begins = np.r_[0, ends + 1][line]
        before = np.searchsorted(quotes, separators) - np.searchsorted(quotes, begins)
        separators = separators[before % 2 == 0]
    return np.diff(np.searchsorted(separators, np.r_[0, ends])) + 1
