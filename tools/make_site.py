"""Render all notebooks and the texts around them as web pages: `make site`.

    python tools/make_site.py      writes build/site/, which opens without a server or network

A notebook that `make workbook` has executed into build/notebooks/ is shown with its own pictures
and the first picture of each explorer; otherwise with its stored outputs and the figures that its
text shows.  Formulas become MathML, and no page asks another machine for anything.
"""

import html
import re
import sys

import nbformat
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

from run_notebooks import ROOT, find_notebooks, write_text

SITE = ROOT / "build" / "site"
EXECUTED = ROOT / "build" / "notebooks"
TEXTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "data/README.md")
WIDGET = "application/vnd.jupyter.widget-view+json"
STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #222; max-width: 56rem; margin: 0 auto;
       padding: 1rem 1.2rem 4rem; }
nav { font-size: 0.9rem; border-bottom: 1px solid #ddd; padding-bottom: 0.6rem; }
nav a { margin-right: 0.8rem; white-space: nowrap; }
a { color: #0b5394; } img { max-width: 100%; height: auto; }
pre { overflow-x: auto; padding: 0.6rem; background: #f6f6f6; font-size: 0.85rem; }
.jp-InputPrompt, .jp-OutputPrompt, .prompt, .anchor-link { display: none; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 0.6rem; border-top: 1px solid #ddd; }
"""


def page_name(path):
    """Return the name of the page of a notebook or a text: README.md is the first page."""
    if path == ROOT / "README.md":
        return "index.html"
    prefix = "" if path.suffix == ".ipynb" or path.parent == ROOT else f"{path.parent.name}_"
    return f"{prefix}{path.stem}.html".lower() if path.suffix == ".md" else f"{path.stem}.html"


def notebook_of(path):
    """Return what is rendered for a file: its executed copy if that is of the same code."""
    if path.suffix == ".md":
        cell = nbformat.v4.new_markdown_cell(path.read_text("utf-8"))
        return nbformat.v4.new_notebook(cells=[cell])
    stored, copy = nbformat.read(path, as_version=4), EXECUTED / path.name
    if copy.exists():
        executed = nbformat.read(copy, as_version=4)
        sources = [[cell.source.rstrip() for cell in each.cells] for each in (stored, executed)]
        if sources[0] == sources[1]:
            return executed
    return stored


def with_pictures(notebook):
    """Put the first picture of each widget in the place of the widget."""
    states = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json")
    states = (states or {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).pop(WIDGET, None)
            if view and (png := first_picture(view["model_id"], states)):
                output.data["image/png"] = png
    notebook.metadata.pop("widgets", None)
    return notebook


def first_picture(model, states):
    """Return the first picture (base64) at or below a widget, or None."""
    state = states.get(model, {})
    for buffer in state.get("buffers", []):
        if buffer["path"] == ["value"] and state.get("model_name") == "ImageModel":
            return buffer["data"]
    children = state.get("state", {}).get("children", [])
    found = (first_picture(child.removeprefix("IPY_MODEL_"), states) for child in children)
    return next(filter(None, found), None)


def with_mathml(text):
    """Turn $...$ and $$...$$ into MathML, but not inside code."""
    pieces = re.split(r"(```.*?```|`[^`\n]*`)", text, flags=re.DOTALL)
    for k in range(0, len(pieces), 2):
        pieces[k] = re.sub(
            r"\$\$(.+?)\$\$", lambda found: formula(found[1], "block"), pieces[k], flags=re.DOTALL
        )
        pieces[k] = re.sub(r"\$([^$\n]+)\$", lambda found: formula(found[1], "inline"), pieces[k])
    return "".join(pieces)


def formula(latex, display):
    """Return the MathML of a formula, on one line so that Markdown leaves it alone."""
    return re.sub(r"\s*\n\s*", " ", convert(latex.strip(), display=display))


def linked(text, folder, pages):
    """Point links between notebooks and texts to their pages."""

    def target(found):
        path, _, anchor = html.unescape(found[1]).partition("#")
        page = pages.get((folder / path).resolve()) if path else None
        whole = html.escape(f"{page}#{anchor}" if anchor else f"{page}")
        return f'href="{whole}"' if page else found[0]

    return re.sub(r'href="([^":]+)"', target, text)


def render(path, pages, exporter):
    """Return the web page of one notebook or text."""
    notebook = with_pictures(notebook_of(path))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source).replace("](../figures/", "](figures/")
    resources = {"metadata": {"path": str(ROOT)}}  # only what lies below is put into the page
    body, resources = exporter.from_notebook_node(notebook, resources=resources)
    style = STYLE + "\n".join(resources["inlining"]["css"])
    menu = "".join(
        f'<a href="{html.escape(page)}">{html.escape(each.stem.replace("_", " "))}</a> '
        for each, page in pages.items()
        if each.suffix == ".ipynb"
    )
    title = html.escape(path.stem.replace("_", " "))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    head += '<meta name="viewport" content="width=device-width">'
    menu = f'<nav><a href="index.html">Lineations</a> {menu}</nav>'
    text = linked(f"{menu}\n<main>{body}</main>", path.parent, pages)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{text}</body></html>\n'


def main():
    """Render everything into build/site/."""
    texts = [path for pattern in TEXTS for path in sorted(ROOT.glob(pattern))]
    pages = {path: page_name(path) for path in [*find_notebooks(ROOT / "notebooks"), *texts]}
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    SITE.mkdir(parents=True, exist_ok=True)
    for path, page in pages.items():
        write_text(render(path, pages, exporter), SITE / page)
    print(f"{len(pages)} pages; open {SITE / 'index.html'}")


if __name__ == "__main__":
    sys.exit(main())
