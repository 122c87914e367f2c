"""What a submission shows, without what could act on the page of whoever reads it.

nbgrader's pages for grading and for feedback take a submission's text and outputs as they are. A script in them would
run with the grader's rights on the same server, and could enter marks.
"""

from __future__ import annotations

import re

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

#: More tags than any picture or table of the course has; a hundred thousand within each other take a minute to read.
MOST_TAGS = 20_000
_ATTRIBUTES = {
    "*": {"align", "class", "colspan", "dir", "lang", "open", "rowspan", "scope", "style", "title"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
}
_STYLES = {
    "background-color", "color", "font-style", "font-weight", "text-align", "vertical-align", "white-space"
}  # fmt: skip
#: Of highlighted code, and of tables. By the classes of its own cells nbgrader's page finds what is graded.
_CLASSES = re.compile(r"((highlight|hl-\w+|language-\w+|dataframe|[a-z][a-z0-9]{0,2})(\s+|$))+")
#: A picture that lies in the notebook. One from elsewhere would tell its server who reads which submission.
_PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
#: What nbgrader's pages escape.
_PLAIN = frozenset({"text/plain", "text/latex", "application/json"})


def clean(text: object) -> str:
    """HTML without scripts, frames, forms, and links to anything but pages; ``text`` may be bytes."""
    html = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if (tags := html.count("<")) > MOST_TAGS:
        return f"<p>Not shown: {tags:,} tags of HTML, of {MOST_TAGS:,} at most.</p>"
    return nh3.clean(
        html,
        attributes=_ATTRIBUTES,
        attribute_filter=_value,
        url_schemes={"http", "https", "mailto", "data"},  # data: of pictures alone, see _value
        filter_style_properties=_STYLES,
    )


@pass_context
def markdown(page: Context, text: str) -> str:
    """A cell's Markdown as harmless HTML, with the pictures in it. Formulas stay as they are, for the page to draw."""
    attachments = page.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments)
    return clean(MarkdownWithMath(renderer=renderer).render(text))


class HarmlessOutputs(NbGraderPreprocessor):
    """Takes from a submission's outputs what could act on the page of whoever reads them. A step of autograding."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook; its Markdown is cleaned when a page is made of it."""
        for cell in nb.cells:
            for output in cell.get("outputs", ()):
                if "data" in output:
                    output.data = NotebookNode(_shown(output.data))
        nb.metadata.pop("widgets", None)
        return nb, resources


def _shown(data: NotebookNode) -> dict[str, object]:
    """The forms of one output that may stay."""
    kept: dict[str, object] = {}
    for kind, content in data.items():
        if kind == "text/html":
            kept[kind] = clean(content)
        elif (
            kind in _PLAIN
            or kind == "text/markdown"
            or (kind in ("image/png", "image/jpeg") and _BASE64.fullmatch(str(content)))
        ):
            kept[kind] = content
    return kept


def _value(tag: str, name: str, value: str) -> str | None:
    """An attribute's value, or None for one that may not stay."""
    stays = True
    if name == "class":
        stays = bool(_CLASSES.fullmatch(value))
    elif name == "src":
        stays = bool(_PICTURE.fullmatch(value))
    elif name == "href":
        stays = not value.strip().lower().startswith("data:")
    return value if stays else None
