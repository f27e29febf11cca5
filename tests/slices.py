"""The part of a notebook that one cell needs: that cell, and those that make what it uses."""

import ast

import nbformat

import toys


def made_and_used(source):
    """Return the names that a cell makes or changes, and those that it uses."""
    made, used = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name):  # found["right"] = ... changes `found`
                made.add(node.value.id)
        elif isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
    return made, used


def write_slice(path, mark, target):
    """Write the cells of a notebook that its last cell with ``mark`` in it needs; return target."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    last = max(k for k, cell in enumerate(cells) if mark in cell.source)
    kept, wanted = [], {mark.split("(")[0].split(".")[0]}
    for cell in reversed(cells[: last + 1]):
        made, used = made_and_used(cell.source)
        if cell is cells[last] or made & wanted:
            kept.append(cell.source)
            wanted |= used
    return toys.write(target, [toys.code(source) for source in reversed(kept)])
