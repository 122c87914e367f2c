"""JupyterLab in a headless browser: opens a lab as a student does, runs its notebook, takes pictures of it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from nbformat import NotebookNode
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.submissions import LAB, ROOT

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,2200"
)
#: Started in the browser once; how it went is read from there, so that no command to the driver lasts long.
_RUN_ALL = """
window.runAll = "running";
window.jupyterapp.commands.execute("notebook:run-all-cells").then(
    () => { window.runAll = "done"; }, error => { window.runAll = "failed: " + error; });
"""
_STATE = """
const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
const ready = panel && panel.sessionContext && panel.context.isReady;
const kernel = ready && panel.sessionContext.session && panel.sessionContext.session.kernel;
return kernel ? {kernel: kernel.status, run: window.runAll || ""} : null;
"""
_SELECT = """
const notebook = window.jupyterapp.shell.currentWidget.content;
notebook.deselectAll();
notebook.activeCellIndex = arguments[0];
notebook.mode = "command";
notebook.activate();
"""
_NOTEBOOK = "return JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON());"
_SCROLL = """
const pane = window.jupyterapp.shell.currentWidget.node.querySelector(".jp-WindowedPanel-outer");
pane.scrollTop = arguments[0];
return pane.clientHeight;
"""
_POSITION = """
const pane = window.jupyterapp.shell.currentWidget.node.querySelector(".jp-WindowedPanel-outer");
return [pane.scrollTop, pane.scrollHeight - pane.clientHeight];
"""
#: Pictures in view that the browser could show, each by its cell and its place there, and those it could not.
_PICTURES = """
const shown = [], broken = [];
for (const cell of document.querySelectorAll(".jp-Notebook .jp-CodeCell"))
    [...cell.querySelectorAll(".jp-OutputArea-output img, .jp-OutputArea-output canvas")].forEach((image, place) =>
        (image.tagName === "CANVAS" || image.naturalWidth > 0 ? shown : broken).push(
            cell.dataset.windowedListIndex + "." + place));
return [shown, broken];
"""

#: A tab's title, once nothing that it needs was refused and it shows its content: a table, or a picture.
_WHOLE_TAB = """
const refused = performance.getEntriesByType("resource").filter(one => one.responseStatus >= 400);
const bar = document.querySelector(".navbar");
const styled = bar && getComputedStyle(bar).display === "flex";
const rows = document.querySelectorAll("tbody tr td").length;
return styled && rows && !refused.length && !document.querySelector(".blockUI") ? document.title : null;
"""

_Found = TypeVar("_Found")


def wait(what: str, seconds: float, probe: Callable[[], _Found | None], every: float = 0.5) -> _Found:
    """The first answer of ``probe`` that counts as true.

    Raises:
        TimeoutError: there was none in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := probe():
            return answer
        time.sleep(every)
    raise TimeoutError(f"{what}: not within {seconds:.0f} s")


def course_folder(folder: Path, notebook: NotebookNode, lab: str = LAB) -> Path:
    """A course in ``folder`` whose student has this lab's notebook in ``work/``; returns the notebook's file."""
    for name in ("labs", "solutions"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(ROOT / "course", folder / "course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    file = folder / "work" / lab / f"{lab}.ipynb"
    shutil.copytree(ROOT / "labs" / lab, file.parent)
    nbformat.write(notebook, file)
    return file


@contextlib.contextmanager
def jupyterlab(folder: Path, view: str = "lab", **environment: str) -> Iterator[str]:
    """``sparklimits lab``, or ``teach``, on the course in ``folder``, for somebody new to JupyterLab; its address.

    The address is the one that the command prints.
    """
    home = folder / "home"
    home.mkdir()
    command = [str(Path(sys.executable).with_name("sparklimits")), view, "--no-browser"]
    command.append("--expose-app-in-browser")  # its commands and its notebook can be asked for by scripts
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    log = folder / "jupyterlab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env={**quiet, "HOME": str(home), "SPARKLIMITS_HOME": str(folder), **environment},
        )  # fmt: skip

    def address() -> str | None:
        if server.poll() is not None:
            raise RuntimeError(f"sparklimits {view} ended:\n{log.read_text()}")
        found = re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text())
        return found and found[0]

    try:
        yield wait("the address of JupyterLab", 90, address)
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ends the command and the JupyterLab under it, which ends its kernels first."""

    def gone() -> bool:
        server.poll()
        try:
            os.killpg(server.pid, 0)
        except ProcessLookupError:
            return True
        return False

    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
        try:
            wait("the end of JupyterLab", 60, gone)
        except TimeoutError:
            os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """A headless browser with a profile of its own under ``folder``."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for flag in (*_FLAGS.split(), f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class LabPage:
    """A lab's notebook, opened in JupyterLab."""

    def __init__(self, driver: webdriver.Chrome, address: str, lab: str = LAB) -> None:
        self.driver = driver
        driver.get(address.replace("/lab?", f"/lab/tree/{lab}/{lab}.ipynb?"))
        wait("the notebook's kernel", 120, lambda: (self._state() or {}).get("kernel") == "idle")

    def run_all(self, limit: float) -> float:
        """*Run All Cells*; returns the seconds until the last one is done and the kernel idle."""
        began = time.monotonic()
        self.driver.execute_script(_RUN_ALL)
        wait("the end of all cells", limit, lambda: (self._state() or {}).get("run") != "running")
        wait("an idle kernel", 30, lambda: (self._state() or {}).get("kernel") == "idle", every=0.1)
        seconds = time.monotonic() - began
        if (state := self._state() or {}).get("run") != "done":
            raise RuntimeError(f"Run All Cells: {state}")
        return seconds

    def notebook(self) -> NotebookNode:
        """The notebook as the page holds it, with its outputs."""
        return nbformat.reads(self.driver.execute_script(_NOTEBOOK), as_version=4)

    def pages(self) -> Iterator[int]:
        """Scrolls from top to bottom, one screen at a time; yields the number of each."""
        target, number = 0, 0
        while True:
            height = self.driver.execute_script(_SCROLL, target)
            time.sleep(1.2)  # cells are drawn when they come into view
            yield number
            top, bottom = self.driver.execute_script(_POSITION)
            if top >= bottom - 2:
                return
            target, number = top + height - 60, number + 1

    def pictures(self) -> tuple[set[str], set[str]]:
        """The pictures that are shown, and those that are broken, looked for from top to bottom."""
        shown: set[str] = set()
        broken: set[str] = set()
        for _ in self.pages():
            good, bad = self.driver.execute_script(_PICTURES)
            shown.update(good)
            broken.update(bad)
        return shown, broken

    def spark_page(self) -> tuple[str, str]:
        """Clicks the link to Spark's own page; its address and the title of the page that opens."""
        self.driver.execute_script(_SCROLL, 0)
        driver, here = self.driver, self.driver.current_window_handle
        link = wait(
            "the link to Spark's own page", 20, lambda: driver.find_elements(By.LINK_TEXT, "Spark's own page")
        )[0]
        before = set(driver.window_handles)
        link.click()
        (there,) = wait("Spark's own page", 20, lambda: set(driver.window_handles) - before)
        driver.switch_to.window(there)
        wait("the title of Spark's own page", 20, lambda: driver.title)
        found = driver.current_url, driver.title
        driver.close()
        driver.switch_to.window(here)
        return found

    def notifications(self) -> list[str]:
        """What JupyterLab says in its corner, over the notebook."""
        return [one.text for one in self.driver.find_elements(By.CSS_SELECTOR, ".Toastify__toast")]

    def spark_tab(self, address: str, name: str) -> str:
        """Opens a tab of Spark's page; its title when it is all there: its styles, its scripts, its table.

        Raises:
            TimeoutError: something of it is not.
        """
        driver, here = self.driver, self.driver.current_window_handle
        driver.switch_to.new_window("tab")
        driver.get(re.sub(r"/jobs/?$", f"/{name}/", address))

        def whole() -> str | None:
            return driver.execute_script(_WHOLE_TAB)

        try:
            return wait(f"the tab {name} of Spark's page", 60, whole)
        finally:
            driver.close()
            driver.switch_to.window(here)

    def press_validate(self) -> Callable[[float], str]:
        """Clicks Validate; returns what waits so many seconds for the text of the answer, which stays open."""
        labels = self.driver.find_elements(By.CSS_SELECTOR, ".jp-ToolbarButtonComponent-label")
        next(label for label in labels if label.text == "Validate").click()

        def answer() -> str | None:
            dialogs: list[Any] = self.driver.find_elements(By.CSS_SELECTOR, ".jp-Dialog-content")
            return next((dialog.text for dialog in dialogs if "Validation" in dialog.text), None)

        return lambda limit: wait("the answer of Validate", limit, answer)

    def validate(self, limit: float) -> tuple[str, float]:
        """Clicks Validate; the text of the answer, which stays open, and the seconds until it came."""
        began = time.monotonic()
        return self.press_validate()(limit), time.monotonic() - began

    def delete_by_keys(self, name: str) -> None:
        """Presses D twice on the cell of this name, as one does who believes another cell to be selected."""
        numbers = [one.metadata.get("nbgrader", {}).get("grade_id") for one in self.notebook().cells]
        self.driver.execute_script(_SELECT, numbers.index(name))
        time.sleep(0.5)
        ActionChains(self.driver).send_keys("dd").perform()
        time.sleep(0.5)

    def theme(self, name: str) -> None:
        """Changes JupyterLab's colours."""
        script = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: arguments[0]});"
        self.driver.execute_script(script, name)
        time.sleep(2)

    def photograph(self, folder: Path, name: str) -> list[Path]:
        """Saves the whole notebook as pictures ``name-00.png`` and so on."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*.png"):
            old.unlink()
        files = []
        for number in self.pages():
            files.append(folder / f"{name}-{number:02d}.png")
            self.driver.save_screenshot(str(files[-1]))
        return files

    def _state(self) -> dict[str, str] | None:
        return self.driver.execute_script(_STATE)


def pictures_of(notebook: NotebookNode) -> int:
    """The pictures in the outputs of a notebook."""
    data = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    return sum("image/png" in one or one.get("text/html", "").count("<img ") for one in data)


def troubles_of(notebook: NotebookNode) -> list[str]:
    """Cells that were not run, errors, and what was written to standard error."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None:
            found.append(f"cell {number} was not run")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}: {output.evalue}")
            elif output.output_type == "stream" and output.name == "stderr":
                found.append(f"cell {number}, standard error: {output.text}")
    return found
