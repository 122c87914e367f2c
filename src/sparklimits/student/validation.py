"""The Validate button of JupyterLab: the marks that `sparklimits check` gives, in a process of their own.

nbgrader's own handler runs the notebook inside Jupyter's server, which answers nothing meanwhile: ten minutes for some
labs. Here the server goes on. The answer has the form that nbgrader's dialog understands.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import html
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbgrader.server_extensions.validate_assignment.handlers import ValidateAssignmentHandler
from tornado import web

from sparklimits.display.tables import as_markdown
from sparklimits.grading.check import Mark, check
from sparklimits.machine import crash
from sparklimits.machine.paths import project_root

#: The checks that run now, by notebook: who asks again while one runs gets the same answer.
_running: dict[Path, asyncio.Task[dict[str, Any]]] = {}


class Validate(ValidateAssignmentHandler):
    """Answers the Validate button: with marks for a student's notebook, with nbgrader's own tests for a solution."""

    @web.authenticated
    async def post(self) -> None:
        """Checks the notebook ``path`` and answers when its marks are there."""
        path = self.get_argument("path", None) or (self.get_json_body() or {}).get("path", "")
        root = Path(self.root_dir).resolve()
        notebook = (root / path.lstrip("/")).resolve()
        if not notebook.is_relative_to(root):
            raise web.HTTPError(403, "This path leads out of the folder that JupyterLab shows.")
        if notebook.is_relative_to(project_root() / "solutions"):
            self.finish(await asyncio.to_thread(self.validate_notebook, path))
            return
        if notebook not in _running:
            _running[notebook] = asyncio.create_task(_checked(notebook))
            _running[notebook].add_done_callback(lambda _: _running.pop(notebook))
        self.finish(await asyncio.shield(_running[notebook]))


async def _checked(notebook: Path) -> dict[str, Any]:
    """The answer for a student's notebook, from a child that a closing server takes with it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", __name__, str(notebook),
        cwd=notebook.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()

    atexit.register(end)
    try:
        output, errors = await child.communicate()
    finally:
        atexit.unregister(end)
    if child.returncode:
        told = errors.decode(errors="replace").strip().splitlines()
        return {"success": False, "value": told[-1] if told else "The check was stopped."}
    # The last line: what came before is the notebook's own, written past its kernel.
    found = json.loads(output.splitlines()[-1])
    return answer([Mark(**one) for one in found["marks"]], found["said"])


def answer(marks: Sequence[Mark], said: Sequence[str] = ()) -> dict[str, Any]:
    """Marks as nbgrader's dialog shows them: "Success!", or each cell that lost some with its reason, and the table.

    ``said`` is what was done to the notebook before it ran; the dialog has room for it when marks were lost.
    """
    lost = [mark for mark in marks if mark.points is not None and mark.points < mark.most]
    failed = [
        {"source": f"{mark.cell}: {mark.points:g} of {mark.most:g}", "error": html.escape(mark.text)}
        for mark in lost
    ]
    if failed:
        failed[-1]["error"] += "".join(f"\n\n{html.escape(one)}" for one in said)
        failed[-1]["error"] += f"\n\nAll marks:\n\n{html.escape(table(marks))}"
    return {"success": True, "value": json.dumps({"failed": failed} if failed else {})}


def table(marks: Sequence[Mark]) -> str:
    """All marks, a line for each cell, and the score."""
    auto = [mark for mark in marks if mark.points is not None]
    score = f"{sum(mark.points or 0.0 for mark in auto):g}", f"{sum(mark.most for mark in auto):g}"
    rows = [
        (mark.cell, "a person grades this" if mark.points is None else f"{mark.points:g}", f"{mark.most:g}")
        for mark in marks
    ]
    return as_markdown([("cell", "points", "of"), *rows, ("score", *score)])


def main(notebook: str) -> int:
    """Prints the marks of a notebook as JSON; 1 and one line on standard error when it cannot be checked."""
    try:
        marks, said = check(Path(notebook))
    except Exception as error:
        print(" ".join(crash.told(error).split()), file=sys.stderr)
        return 1
    print(json.dumps({"marks": [asdict(mark) for mark in marks], "said": said}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
