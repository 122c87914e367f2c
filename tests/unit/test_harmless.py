"""Nothing that a submission shows can act on the pages of whoever reads it, and what is honest is still there."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import nbgrader
import pandas as pd
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

from sparklimits.grading import nbgrader_settings
from sparklimits.grading.harmless import HarmlessOutputs

STEALS = "fetch('/formgrader/api/grade/1', {method: 'PUT'})"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{STEALS}"><script>{STEALS}</script></svg>'
HOSTILE = {
    "a script": f"<script>{STEALS}</script>",
    "a script without an end": f"<script>{STEALS}",
    "an event": f'<img src="x" onerror="{STEALS}">',
    "a drawing": SVG,
    "a link": f'<a href="javascript:{STEALS}">the proof</a>',
    "a link in disguise": f'<a href="java&#10;script:{STEALS}">the proof</a>',
    "a page in a link": f'<a href="data:text/html,<script>{STEALS}</script>">the proof</a>',
    "a page in a link in disguise": '<a href=" &#100;ata:text/html,proof">the proof</a>',
    "a frame": f'<iframe srcdoc="<script>{STEALS}</script>"></iframe>',
    "an object": '<object data="/formgrader"></object><embed src="/formgrader">',
    "a form": '<form action="/formgrader/api/grade/1"><button>Show the picture</button></form>',
    "a moved base": '<base href="https://elsewhere.example/">',
    "a reload": '<meta http-equiv="refresh" content="0; url=https://elsewhere.example/">',
    "a picture from elsewhere": '<img src="https://elsewhere.example/who-reads-it.png">',
    "a picture from elsewhere in Markdown": "![proof](https://elsewhere.example/who-reads-it.png)",
    "a link in Markdown": f"[proof](javascript:{STEALS})",
    "a style": "<style>.score { display: none }</style>",
    "a style of its own": '<p style="position: fixed; top: 0; width: 100%">Score 20</p>',
    "nbgrader's own marks": '<input class="score tabbable" id="speed_points" value="7">',
    "nbgrader's own classes": '<span class="score">20</span>',
    "a broken tag": f"<img/src=x/onerror={STEALS}//<p>",
    "a comment": f"<!--><script>{STEALS}</script>-->",
    "mathematics": f"<math><mtext><table><mglyph><style><img src onerror={STEALS}></style></math>",
}
#: Tags that only show.
SHOW = {
    "a",
    "blockquote",
    "br",
    "code",
    "div",
    "em",
    "h4",
    "img",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
}


class Seen(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page(notebook: NotebookNode, name: str = "formgrade") -> str:
    """nbgrader's page of this notebook after autograding."""
    config = Config()
    nbgrader_settings.apply(config)
    formgrader = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
    config.HTMLExporter.template_name = name
    config.HTMLExporter.extra_template_basedirs = [str(formgrader / "templates")]
    config.HTMLExporter.extra_template_paths = [str(formgrader / "static/node_modules/bootstrap/dist/css")]
    notebook, _ = HarmlessOutputs()(notebook, {})
    told = {"notebook": "lab", "score": 1.0, "max_score": 2.0, "late_penalty": 0.0}
    resources = {"base_url": "", "notebook_id": "lab", "index": 0, "total": 1, "nbgrader": told}
    found: str = HTMLExporter(config=config).from_notebook_node(notebook, resources=resources)[0]
    return found


def acting(text: str) -> dict[str, int]:
    """How often each thing that can act, or tells somebody that it was read, is on a page."""
    found: dict[str, int] = {}
    for tag, attributes in Seen(text).tags:
        names = [tag] if tag not in SHOW else []
        for name, value in attributes.items():
            there = (value or "").strip().lower()
            if name.startswith("on") or name in ("srcdoc", "id") or "position" in there:
                names.append(name)
            if name in ("href", "src", "data", "action") and not there.startswith(("/", "#", "data:image/")):
                names.append(f"{name} to {there}")
            if name == "class" and "score" in there.split():
                names.append("a class of nbgrader's")
        for name in names:
            found[name] = found.get(name, 0) + 1
    return found


def showing(said: str) -> NotebookNode:
    """A notebook that says this in every way there is."""
    outputs = [
        new_output("display_data", data={"text/html": said}),
        new_output("display_data", data={"text/markdown": said}),
        *(
            new_output("display_data", data={kind: said, "text/plain": "x"})
            for kind in (
                "image/svg+xml",
                "application/javascript",
                "text/latex",
                "application/vnd.anything+json",
            )
        ),
        new_output("display_data", data={"image/png": f'">{said}', "text/plain": "x"}),
        new_output("stream", name="stdout", text=said),
        new_output("error", ename="E", evalue=said, traceback=[said]),
    ]
    graded = {"grade_id": "explain", "solution": True, "grade": False, "locked": False, "schema_version": 3}
    return new_notebook(
        cells=[
            new_markdown_cell(said),
            new_code_cell(f"x = {said!r}", outputs=outputs),
            new_markdown_cell(said, metadata={"nbgrader": graded}),
        ]
    )


@pytest.mark.parametrize("name", ["formgrade", "feedback"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_acts(text: str, name: str) -> None:
    found, usual = acting(page(showing(text), name)), acting(page(showing("honest"), name))
    assert {one: count for one, count in found.items() if count > usual.get(one, 0)} == {}


def test_what_is_honest_is_still_there() -> None:
    dot = base64.b64encode(b"\x89PNG").decode()
    table = pd.DataFrame({"seconds": [1.5]}).to_html()
    told = "\n".join([
        "# Why", "", "- `a < b` and **more**", "", "> quoted", "", "| a | b |", "|---|---|", "| 1 | 2 |", "",
        "```python", "x = {'a': 1} if a < b else None", "```", "", "$$x < y$$", "",
        f"![mine](attachment:dot.png)  [Spark](https://spark.apache.org)  <img src='data:image/png;base64,{dot}'>",
    ])  # fmt: skip
    cell = new_markdown_cell(told, attachments={"dot.png": {"image/png": dot}})
    outputs = [
        new_output("display_data", data={"text/html": f"<style scoped>td {{color: red}}</style>{table}"}),
        new_output("display_data", data={"image/png": dot}),
        new_output("execute_result", data={"text/plain": "4.0"}, execution_count=1),
    ]
    text = page(new_notebook(cells=[cell, new_code_cell("f(a < b)", outputs=outputs)]))
    tags = [tag for tag, _ in Seen(text).tags]
    assert tags.count("table") == 2
    assert {"h1", "li", "blockquote", "strong", "th", "td", "pre"} <= set(tags)
    pictures = [attributes for tag, attributes in Seen(text).tags if tag == "img" and attributes.get("src")]
    assert len(pictures) == 3
    for shown in (
        "<code>a &lt; b</code>",
        "x &lt; y",
        'href="https://spark.apache.org"',
        'class="dataframe"',
        "4.0",
    ):
        assert shown in text
    assert "color: red" not in text
