"""A result as a notebook shows it: the headline, the reasons, a table and a picture."""

from __future__ import annotations

import html

from sparklimits.display import errors, figures, waiting
from sparklimits.measurement.result import Result


def as_html(result: Result) -> str:
    """The result as HTML that needs no other file."""
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:{'left' if i == 0 else 'right'}'>{html.escape(cell)}</td>"
                         for i, cell in enumerate(row)) + "</tr>"
        for row in result.rows()
    )  # fmt: skip
    items = "".join(f"<li>{html.escape(reason)}</li>" for reason in result.reasons)
    reasons = f"<ul>{items}</ul>" if items else ""
    table = f"<table><tr><th></th><th>naive</th><th>yours</th><th></th></tr>{body}</table>" if body else ""
    picture = figures.as_html(figures.comparison(result)) if result.seconds else ""
    stories = "".join(map(errors.folded, result.stories))
    return f"<p><b>{html.escape(result.headline())}</b></p>{reasons}{stories}{table}{picture}"


def show_in_notebooks() -> None:
    """Tells IPython, where this runs in it, to show results, and errors, in our way."""
    from IPython import get_ipython

    errors.show_in_notebooks()
    waiting.show_in_notebooks()
    if (shell := get_ipython()) is not None:  # type: ignore[no-untyped-call]
        shell.display_formatter.formatters["text/html"].for_type(Result, as_html)
