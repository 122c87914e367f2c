"""A real JupyterHub, two users at the same time: lab 0, Spark's page through the hub, Validate.

JupyterHub comes with the extra `hub`; its proxy runs on Node: `npm install configurable-http-proxy`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from sparklimits.machine import web
from tests import browser
from tests.ports import free_ports
from tests.submissions import ROOT, released

LAB = "lab0_measuring"
USERS = ("ann", "bob")
#: Where CI puts the proxy: a program of Node, which pip does not bring.
_PATH = os.pathsep.join([str(ROOT / "build" / "node" / "node_modules" / ".bin"), os.environ.get("PATH", "")])
PROXY = shutil.which("configurable-http-proxy", path=_PATH)

pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("jupyterhub"), reason="no jupyterhub: pip install '.[hub]'"
    ),
    pytest.mark.skipif(not PROXY, reason="no configurable-http-proxy: npm install configurable-http-proxy"),
    pytest.mark.skipif(
        not (browser.BROWSER and browser.DRIVER), reason="no chromium and chromedriver on this machine"
    ),
]

#: Local processes under one user of the system: each user of the hub has a home and a folder for the labs.
CONFIG = """
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "secret"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [{sparklimits!r}, "lab"]
c.Spawner.args = ["--LabApp.expose_app_in_browser=True"]
c.Spawner.environment = {{
    "SPARKLIMITS_HOME": {course!r},
    "SPARKLIMITS_SCALE": "0.1",
    "SPARKLIMITS_WORK": lambda spawner: {homes!r} + "/" + spawner.user.name + "/labs",
    "PYTHONPATH": {src!r},
}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/course"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.auth_token = "of-this-test"
c.JupyterHub.cookie_secret_file = {homes!r} + "/cookie"
c.JupyterHub.db_url = "sqlite:///" + {homes!r} + "/hub.sqlite"
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a hub below a prefix of its own, as many universities have it."""
    browser.course_folder(tmp_path / "course", released(LAB), LAB)
    homes = tmp_path / "homes"
    for user in USERS:
        (homes / user).mkdir(parents=True)
    port, hub_port, api_port = free_ports(3)
    config = tmp_path / "jupyterhub_config.py"
    sparklimits = Path(sys.executable).with_name("sparklimits")
    config.write_text(
        CONFIG.format(
            homes=str(homes), sparklimits=str(sparklimits), course=str(tmp_path / "course"), src=str(ROOT / "src"),
            port=port, hub_port=hub_port, api_port=api_port, proxy=PROXY,
        )
    )  # fmt: skip
    log = tmp_path / "hub.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(config)],
            cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env={name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "SPARKLIMITS"))},
        )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return bool(web.get(f"http://127.0.0.1:{port}/course/hub/login", timeout=5))
        return False

    try:
        browser.wait("the hub", 90, answers)
        yield f"http://127.0.0.1:{port}/course"
    finally:
        process.send_signal(signal.SIGTERM)  # the hub ends its proxy and the servers of its users
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        print(log.read_text()[-4000:])


def log_in(driver: browser.webdriver.Chrome, hub: str, user: str) -> None:
    driver.get(f"{hub}/hub/login")
    driver.find_element(By.ID, "username_input").send_keys(user)
    driver.find_element(By.ID, "password_input").send_keys("secret")
    driver.find_element(By.ID, "login_submit").click()
    browser.wait("the user's server", 150, lambda: f"/user/{user}/lab" in driver.current_url)


def an_hour_of(user: str, hub: str, folder: Path) -> dict[str, str]:
    """Opens lab 0 as this user, runs all of it, follows the link to Spark's page, and validates."""
    folder.mkdir()
    with browser.chromium(folder) as driver:
        log_in(driver, hub, user)
        page = browser.LabPage(driver, f"{hub}/user/{user}/lab?", LAB)
        page.run_all(limit=2400)
        assert browser.troubles_of(page.notebook()) == []
        address, title = page.spark_page()
        tabs = [page.spark_tab(address, tab) for tab in ("jobs", "stages", "environment", "executors", "SQL")]
        waiting = page.press_validate()
        time.sleep(3)
        began = time.monotonic()
        status = driver.execute_async_script(
            "fetch(arguments[0]).then(answer => arguments[1](answer.status))", f"{hub}/user/{user}/api"
        )
        assert status == 200
        answered = time.monotonic() - began
        marks = waiting(2400)
    return {
        "address": address,
        "title": title,
        "marks": marks,
        "answered": f"{answered:.3f}",
        "tabs": "|".join(tabs),
    }


def refused(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return 0 if "/login" in answer.geturl() else answer.status  # a page to log in tells nothing
    except urllib.error.HTTPError as error:
        return error.code


def test_two_users_work_on_lab_0_at_the_same_time(hub: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda user: an_hour_of(user, hub, tmp_path / f"browser-{user}"), USERS)
    for user, found in zip(USERS, (first, second), strict=True):
        assert found["address"].startswith(f"{hub}/user/{user}/sparklimits/spark/")
        assert "Spark Jobs" in found["title"]
        assert found["tabs"].count("lab0_measuring") == 5
        assert float(found["answered"]) < 3, "the user's server answered nothing while it validated"
        # The release is without answers: the questions got no marks, and the dialog says so, with the table.
        assert "questions_points: 0 of 2" in found["marks"]
        assert "score" in found["marks"]
        assert (tmp_path / "homes" / user / "labs" / LAB / f"{LAB}.ipynb").is_file()
        assert (tmp_path / "homes" / user / "labs" / "course" / "glossary.md").is_file()
    assert not (tmp_path / "course" / "work" / "course").exists(), (
        "somebody worked in the folder that all share"
    )
    # Without a login there is no page.
    assert refused(first["address"]) in (0, 403)
