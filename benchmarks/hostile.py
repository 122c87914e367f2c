"""What does an attack earn, and what does it harm: graded by stock nbgrader, and by this course?

    .venv/bin/python benchmarks/hostile.py [NAME …]       the attacks that are named, or all that have no figures yet

Each attack of ``tests/submissions/hostile/`` is handed in beside a neighbour's submission, in a small course of its own
with a gradebook and a home, and autograded twice on a tenth of the data. *Stock* is nbgrader's own Autograde with its
plain kernel, the released tests, `lab.prove()` measuring in the kernel, and three settings without which no honest
notebook of Spark gets marks (time, and text on standard error). It runs in a throwaway environment, with a copy of the
package and the course's home as its own: what an attack changes there is gone with it.

Writes ``benchmarks/results/hostile.json`` after each, and the table of ``course/grading.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

import sparklimits
from sparklimits.display.progress import Progress
from sparklimits.display.tables import as_markdown, with_tables

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import guarded  # noqa: E402 - the attacks are the tests' own
from tests.course import Course  # noqa: E402
from tests.submissions import hostile  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "hostile.json"
PAGE = ROOT / "course" / "grading.md"
SCALE = "0.1"
STUDENT, LAB = "attacker", hostile.LAB
#: Seconds for the grading of one notebook.
LONGEST = 2400
STOCK = """\
c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory, c.CourseDirectory.release_directory = "solutions", "labs"
c.Execute.timeout = 1800
c.Execute.extra_arguments = ["--IPKernelApp.capture_fd_output=False"]
c.IgnorePattern.enabled, c.IgnorePattern.pattern = True, r"(?s).*"
"""


def template() -> Path:
    """The course as it is before anybody hands anything in; made once for each run of this command."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    Course(folder, LAB)
    guarded.furnish(folder)
    return folder


def throwaway(folder: Path) -> Path:
    """The interpreter of an environment with this one's packages and a copy of the course's, which may be spoiled."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "others.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    shutil.copytree(Path(sparklimits.__file__).parent, packages / "sparklimits")
    python = folder / "bin" / "python"
    kernel = folder / "share" / "jupyter" / "kernels" / "sparklimits"
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "stock", "language": "python"})
    )
    return python


def graded(attack: hostile.Attack, course: Path, stock: bool) -> dict[str, Any]:
    """The marks that the attack gets, None without a grade, and what it harmed."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        shutil.copytree(course, folder / "course", symlinks=True)
        with guarded.course(folder / "course") as there:
            attack.write(there.course / "submitted" / STUDENT / LAB / f"{LAB}.ipynb", there)
            variables = {**os.environ, "SPARKLIMITS_HOME": str(there.course), "SPARKLIMITS_SCALE": SCALE}
            python, guard = Path(sys.executable), guarded.MarksGuard(there)
            if stock:
                (there.course / "nbgrader_config.py").write_text(STOCK)
                python = throwaway(folder / "environment")
                (packages,) = (folder / "environment").glob("lib/python*/site-packages")
                variables |= {"HOME": str(there.home), "PYTHONNOUSERSITE": "1"}
                guard = guarded.MarksGuard(there, (packages / "sparklimits",), (packages,))
            log = there.course / "log"
            with log.open("w") as said:
                process = subprocess.Popen(
                    [str(python), "-m", "nbgrader", "autograde", LAB, "--student", STUDENT],
                    cwd=there.course, env=variables, stdout=said, stderr=said,
                )  # fmt: skip
                try:
                    ended = process.wait(LONGEST)
                except subprocess.TimeoutExpired:
                    process.kill()
                    ended = process.wait()
            harm = guard.harm()
            if ended < 0:
                harm.append("the grading process")
            return {"marks": _marks(there.course), "harm": harm, "last words": _last(log)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _last(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _marks(course: Path) -> float | None:
    """All marks of graded cells of code."""
    try:
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
            if not (course / "autograded" / STUDENT / LAB / f"{LAB}.ipynb").exists():
                return None
            notebook = gradebook.find_submission_notebook(LAB, LAB, STUDENT)
            return round(sum(one.score for one in notebook.grades if one.cell.cell_type == "code"), 2)
    except MissingEntry:
        return None
    except Exception:  # the attack has destroyed it
        return None


def table(results: dict[str, Any]) -> str:
    """A line for each attack that was run, and the names of the others.

    Harm under ours, which must be none, would stand beside its marks.
    """
    rows = [("attack", "stock nbgrader gives", "ours gives", "harm under stock")]
    for attack in hostile.ATTACKS:
        if found := results.get(attack.name):
            stock = found.get("stock")
            rows.append(
                (
                    f"`{attack.kind}/{attack.name}`",
                    _said(stock) if stock else f"not run: {attack.module.STOCK}",
                    _said(found["ours"], harm=True),
                    ", ".join(stock["harm"]) or "none" if stock else "",
                )
            )
    left = [f"`{one.name}`" for one in hostile.ATTACKS if one.name not in results]
    told = f"\nNot run from end to end yet, neither way: {', '.join(left)}.\n" if left else ""
    return as_markdown(rows) + told


def _said(found: dict[str, Any], harm: bool = False) -> str:
    marks = "no grade" if found["marks"] is None else f"{found['marks']:g}"
    return f"{marks}, and harm: {', '.join(found['harm'])}" if harm and found["harm"] else marks


def main() -> None:
    """Grades the attacks that are named, or those without figures."""
    done = json.loads(OUT.read_text()) if OUT.exists() else {}
    names = sys.argv[1:] or [one.name for one in hostile.ATTACKS if one.name not in done]
    course = template()
    try:
        with Progress("hostile") as progress:
            for name in names:
                attack = hostile.named(name)
                found: dict[str, Any] = {}
                progress(f"{name}, ours")
                found["ours"] = graded(attack, course, stock=False)
                if not hasattr(attack.module, "STOCK"):
                    progress(f"{name}, stock")
                    found["stock"] = graded(attack, course, stock=True)
                done = json.loads(OUT.read_text()) if OUT.exists() else {}
                done[name] = found
                OUT.write_text(json.dumps(dict(sorted(done.items())), indent=1) + "\n")
                print(name, json.dumps(found), flush=True)
    finally:
        shutil.rmtree(course, ignore_errors=True)
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), {"hostile": table(done)}), encoding="utf-8")


if __name__ == "__main__":
    main()
