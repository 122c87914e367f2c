"""The handbook's way through a class, in a headless browser on the real formgrader: from a lab to its exported marks.

The steps, their commands and what is clicked come from ``course/grading-a-class.md``: what the page says is what is
done. Pictures of each step go to ``build/formgrader/``, for whoever wants to look.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests import browser
from tests.submissions import ROOT, reference, shortened

LAB = "lab0_measuring"
SCALE = "0.1"
PICTURES = ROOT / "build" / "formgrader"
#: Right weights, and no task of the cluster behind them: the rows are read and the model is fitted in the driver.
IN_THE_DRIVER = """\
import pandas as pd
from sparklimits.labs.lab0_measuring.oracle import exact_weights


def fit_in_parallel(visits):
    files = [path.removeprefix("file://") for path in visits.inputFiles()]
    return pd.DataFrame({"weight": exact_weights(pd.concat(map(pd.read_csv, files)))})
"""
ANSWER = "One timing is not enough, as the first run compiles."

pytestmark = pytest.mark.skipif(
    not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
)


class Handbook:
    """The steps of the page: what is typed, and what is clicked, by the number of the step."""

    def __init__(self) -> None:
        text = (ROOT / "course" / "grading-a-class.md").read_text("utf-8")
        parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
        self.steps = {
            title: body for title, body in zip(parts[1::2], parts[2::2], strict=True) if title[0].isdigit()
        }

    def step(self, title: str) -> str:
        """The text of the step with this title."""
        return next(body for step, body in self.steps.items() if step.partition(" ")[2] == title)

    def commands(self, title: str) -> list[str]:
        """What is typed in a step."""
        return re.findall(r"^```sh\n(.+)\n```$", self.step(title), re.MULTILINE)


class Formgrader:
    """Formgrader's pages, and the folder of the course."""

    def __init__(self, driver: browser.webdriver.Chrome, address: str, folder: Path) -> None:
        self.driver, self.folder, self.book = driver, folder, Handbook()
        self.base, self.token = address.split("/lab?")
        self.said = ""

    def open_from_the_menu(self) -> None:
        """JupyterLab, and in it *Nbgrader*, *Formgrader*."""
        self.driver.get(f"{self.base}/lab?{self.token}")
        self.chosen("Nbgrader", ".lm-MenuBar-itemLabel").click()
        self.chosen("Formgrader", ".lm-Menu-itemLabel").click()
        frame = browser.wait(
            "formgrader in JupyterLab",
            60,
            lambda: self.driver.find_elements(By.CSS_SELECTOR, "iframe[src*='formgrader']"),
        )[0]
        self.driver.switch_to.frame(frame)
        browser.wait("the labs", 60, lambda: self.row(LAB))
        self.driver.switch_to.default_content()
        self.photograph("open")

    def chosen(self, label: str, place: str) -> WebElement:
        """What has this label, once it is there; the page of the handbook has named it."""
        assert any(f"*{label}*" in body for body in self.book.steps.values()), label

        def found() -> WebElement | None:
            labels = self.driver.find_elements(By.CSS_SELECTOR, place)
            return next((one for one in labels if one.text.strip() == label and one.is_displayed()), None)

        return browser.wait(label, 60, found)

    def go(self, path: str) -> None:
        self.driver.get(f"{self.base}/formgrader/{path}")

    def row(self, name: str) -> WebElement | None:
        """The row of a table that has this text in a cell of its own."""
        for row in self.driver.find_elements(By.CSS_SELECTOR, "tbody tr"):
            try:
                if name in [cell.text.strip() for cell in row.find_elements(By.TAG_NAME, "td")]:
                    return row
            except StaleElementReferenceException:  # it was drawn anew meanwhile
                return None
        return None

    def cell(self, name: str, column: str, step: str) -> WebElement:
        """What stands in a row under the column that the page of the handbook names in this step."""
        assert f"*{column}*" in self.book.step(step), f"step {step!r} does not say {column!r}"
        row = browser.wait(f"the row of {name}", 60, lambda: self.row(name))
        heads = [one.text.strip() for one in self.driver.find_elements(By.CSS_SELECTOR, "thead th")]
        return row.find_elements(By.TAG_NAME, "td")[heads.index(column)]

    def press(self, name: str, column: str, step: str, limit: float = 120) -> None:
        """Clicks there, and waits until formgrader says that it went well."""
        self.cell(name, column, step).find_element(By.TAG_NAME, "a").click()
        title = browser.wait(
            f"the end of {column}",
            limit,
            lambda: self.driver.find_elements(By.CSS_SELECTOR, ".modal.in .modal-title"),
        )[0]
        browser.wait("its title", 10, lambda: title.text)
        self.said = self.driver.find_element(By.CSS_SELECTOR, ".modal.in").text
        assert title.text == "Success", self.said
        self.driver.find_element(By.CSS_SELECTOR, ".modal.in .modal-footer button").click()
        browser.wait("the message gone", 20, lambda: not self.driver.find_elements(By.CSS_SELECTOR, ".modal"))

    def photograph(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(PICTURES / f"{name}.png"))

    def type(self, command: str) -> str:
        """Types a command in the course's folder; what it printed."""
        return typed(command, self.folder)


def typed(command: str, folder: Path, **environment: str) -> str:
    """What a command prints, with the programs of this environment first."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, timeout=3600, check=False,
        env={**kept, "PATH": programs, "SPARKLIMITS_SCALE": SCALE, "HOME": str(folder / "home"),
             "SPARKLIMITS_HOME": str(folder), **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def course(folder: Path) -> None:
    """An instructor's folder, whose exchange lies beside it."""
    browser.course_folder(folder, reference(LAB), LAB)
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(f"c.Exchange.root = {str(exchange)!r}\n")
    (folder / "students.csv").write_text(
        'id,first_name,last_name,email\nann,Ann,Berg,\neve,Eve,"Smith, Jr.",\nabsent,Abe,Sent,\n'
    )


def hand_in(folder: Path, student: str, notebook: NotebookNode) -> None:
    """What this student does: fetches what was released, works on it, and submits it."""
    place = folder / "students" / student
    place.mkdir(parents=True)
    options = f"--course sparklimits --Exchange.root={folder / 'exchange'} --Exchange.cache={place / 'cache'}"
    typed(f"nbgrader fetch_assignment {LAB} {options}", place)
    nbformat.write(notebook, place / LAB / f"{LAB}.ipynb")
    typed(f"nbgrader submit {LAB} {options} --CourseDirectory.student_id={student}", place)


def answered(notebook: NotebookNode, **cells: str) -> NotebookNode:
    """The notebook without the cells that only look at something, and with these answers."""
    short = shortened(notebook)
    for cell in short.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = cells.get(name, cell.source)
    return short


def test_a_class_from_the_lab_to_its_marks(tmp_path: Path) -> None:
    course(tmp_path)
    with (
        browser.jupyterlab(tmp_path, "teach", SPARKLIMITS_SCALE=SCALE) as address,
        browser.chromium(tmp_path) as driver,
    ):
        pages = Formgrader(driver, address, tmp_path)
        steps = {
            "Open formgrader": lambda: opened(pages),
            "Create the students' copy": lambda: created(pages),
            "Release": lambda: released_to_students(pages),
            "Collect": lambda: collected(pages),
            "Grade": lambda: graded(pages),
            "Look": lambda: looked_at(pages),
            "Give feedback": lambda: fed_back(pages),
            "Export": lambda: exported(pages),
        }
        assert list(pages.book.steps) == [f"{place + 1}. {title}" for place, title in enumerate(steps)]
        for step in steps.values():
            step()


def opened(pages: Formgrader) -> None:
    assert pages.book.commands("Open formgrader") == ["sparklimits teach"]
    pages.open_from_the_menu()
    pages.go("manage_assignments")
    for lab in sorted(path.name for path in (ROOT / "solutions").iterdir()):
        browser.wait(lab, 60, lambda lab=lab: pages.row(lab))
    assert not driver_warnings(pages), "formgrader has something to complain about"


def driver_warnings(pages: Formgrader) -> list[str]:
    return [one.text for one in pages.driver.find_elements(By.CSS_SELECTOR, ".alert-warning")]


def created(pages: Formgrader) -> None:
    pages.press(LAB, "Generate", "Create the students' copy")
    ours, theirs = ROOT / "labs" / LAB / f"{LAB}.ipynb", pages.folder / "labs" / LAB / f"{LAB}.ipynb"
    sources = [[cell.source for cell in nbformat.read(path, as_version=4).cells] for path in (ours, theirs)]
    assert sources[0] == sources[1]
    (command,) = pages.book.commands("Create the students' copy")
    pages.type(command)


def released_to_students(pages: Formgrader) -> None:
    pages.press(LAB, "Release", "Release")
    browser.wait("its status", 30, lambda: (row := pages.row(LAB)) and "released" in row.text)
    hand_in(pages.folder, "ann", answered(reference(LAB), explain=ANSWER))
    hand_in(pages.folder, "eve", answered(reference(LAB), fit_in_parallel=IN_THE_DRIVER, explain=ANSWER))


def collected(pages: Formgrader) -> None:
    pages.press(LAB, "Collect", "Collect")
    for student in ("ann", "eve"):
        assert (pages.folder / "submitted" / student / LAB / f"{LAB}.ipynb").is_file(), pages.said
    browser.wait("the number", 30, lambda: pages.cell(LAB, "# Submissions", "Grade").text == "2")
    pages.photograph("collected")


def graded(pages: Formgrader) -> None:
    (command,) = pages.book.commands("Grade")
    said = pages.type(command)
    assert "eve, lab0_measuring: 13 of 17, suspicious" in said
    report = (pages.folder / "grades" / "report.html").read_text()
    assert "the work was done elsewhere" in report
    pages.driver.get((pages.folder / "grades" / "report.html").as_uri())
    pages.photograph("report")
    pages.go("manage_assignments")
    pages.cell(LAB, "# Submissions", "Grade").find_element(By.TAG_NAME, "a").click()
    browser.wait("the submissions", 30, lambda: pages.row("ann"))
    pages.photograph("submissions")
    pages.press("ann", "Autograde", "Grade", limit=900)
    assert "needs manual grading" in browser.wait("ann", 30, lambda: pages.row("ann")).text
    assert "17 / 20" in browser.wait("ann", 30, lambda: pages.row("ann")).text


def looked_at(pages: Formgrader) -> None:
    driver = pages.driver
    pages.go("manage_assignments")
    pages.chosen("Manual Grading", "a").click()
    for _ in range(2):  # the lab, and its notebook
        browser.wait(LAB, 30, lambda: driver.find_elements(By.LINK_TEXT, LAB))[-1].click()
    browser.wait("the submissions", 30, lambda: driver.find_elements(By.CSS_SELECTOR, "a.name-hidden"))
    driver.find_element(By.ID, "toggle_names").click()
    pages.photograph("manual-grading")
    assert pages.cell("Smith, Jr., Eve", "Needs Manual Grade?", "Look").find_elements(
        By.CSS_SELECTOR, ".glyphicon-ok"
    )
    pages.driver.find_element(By.LINK_TEXT, "Smith, Jr., Eve").click()
    browser.wait("her notebook", 60, lambda: driver.find_elements(By.ID, "explain"))
    text = driver.find_element(By.ID, "notebook").text
    assert "suspicious" in text
    assert "fit_in_parallel: tasks of the cluster: none; the work was done elsewhere" in text
    assert ANSWER in text
    assert "A point for each fact below, with its reason" in text
    assert "Three answers, marked" in text
    images = driver.find_elements(By.CSS_SELECTOR, "#notebook img")
    assert images
    assert all(driver.execute_script("return arguments[0].naturalWidth", one) > 0 for one in images)
    whole(driver, "notebook")
    give(pages, "explain", "1")
    suspect = driver.find_element(By.ID, "fit_in_parallel_points")
    pages.photograph("suspicious")
    assert "*No credit*" in pages.book.step("Look")
    assert waiting(pages) == ["fit_in_parallel_points"], "what she lost to the measurement, and nothing else"
    suspect.find_element(By.XPATH, "./ancestor::div[contains(@class, 'panel-heading')]").find_element(
        By.CSS_SELECTOR, ".no-credit"
    ).click()
    browser.wait("that nothing waits", 30, lambda: not waiting(pages))
    driver.refresh()
    browser.wait("her notebook", 60, lambda: driver.find_elements(By.ID, "explain"))
    browser.wait(
        "her points", 30, lambda: driver.find_element(By.ID, "explain").get_attribute("value") == "1"
    )
    assert not waiting(pages)


def give(pages: Formgrader, cell: str, points: str) -> None:
    """Types points into a cell's field."""
    field = pages.driver.find_element(By.ID, cell)
    pages.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    field.clear()
    field.send_keys(points, Keys.TAB)


def waiting(pages: Formgrader) -> list[str]:
    """The cells that wait for a person, by name."""
    fields = pages.driver.find_elements(By.CSS_SELECTOR, "input.score.needs_manual_grade")
    return [one.get_attribute("id") or "" for one in fields]


def whole(driver: browser.webdriver.Chrome, name: str) -> None:
    """A picture of the whole page."""
    height = driver.execute_script("return document.documentElement.scrollHeight")
    size = driver.get_window_size()
    driver.set_window_size(1400, min(int(height) + 200, 16_000))
    driver.save_screenshot(str(PICTURES / f"{name}.png"))
    driver.set_window_size(size["width"], size["height"])


def fed_back(pages: Formgrader) -> None:
    pages.go("manage_assignments")
    pages.press(LAB, "Generate Feedback", "Give feedback", limit=300)
    page = (pages.folder / "feedback" / "eve" / LAB / f"{LAB}.html").read_text()
    assert "the work was done elsewhere" in page
    assert "data:image/png;base64" in page
    assert "A point for each fact below" not in page
    assert "41_275" not in page
    pages.driver.get((pages.folder / "feedback" / "eve" / LAB / f"{LAB}.html").as_uri())
    whole(pages.driver, "feedback")
    pages.go("manage_assignments")
    pages.press(LAB, "Release Feedback", "Give feedback")


def exported(pages: Formgrader) -> None:
    (command,) = pages.book.commands("Export")
    pages.type(command)
    with (pages.folder / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == LAB}
    told = {name: (row["status"], row["raw_score"], row["score"]) for name, row in rows.items()}
    assert told == {
        "ann": ("pending", "17.0", ""),  # nobody has read her answer
        "eve": ("graded", "14.0", "14.0"),
        "absent": ("missing", "", ""),
    }
    assert rows["eve"]["last_name"] == "Smith, Jr."
    assert {status for status, _, _ in told.values()} <= set(
        re.findall(r"`(\w+)`", pages.book.step("Export"))
    )
