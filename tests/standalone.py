"""A standalone Spark cluster that the package does not start itself, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pyspark

from sparklimits.machine.addresses import free_port
from sparklimits.machine.java import find_java

HOST = "127.0.0.1"


class Standalone:
    """A master and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port(HOST)
        self.master = f"spark://{HOST}:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._master = self._start(
            "master.Master", "--host", HOST, "--port", str(self.port), "--webui-port", "0"
        )

    def _start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        spark = Path(pyspark.__file__).parent
        conf = self.folder / "conf"  # empty: Spark's own way to log
        conf.mkdir(exist_ok=True)
        variables = {
            **os.environ, "SPARK_HOME": str(spark), "JAVA_HOME": str(find_java(self.folder / "java").home),
            "SPARK_CONF_DIR": str(conf), "SPARK_LOCAL_IP": HOST, "SPARK_WORKER_DIR": str(self.folder / "work"),
            "SPARK_LOCAL_DIRS": str(self.folder / "local"), **environment,
        }  # fmt: skip
        log = open(self.folder / "cluster.log", "ab")  # noqa: SIM115 - open as long as the process
        command = [str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        if setpriv := shutil.which("setpriv"):  # a test run that is killed leaves no cluster behind
            command = [setpriv, "--pdeathsig", "KILL", *command]
        return subprocess.Popen(command, env=variables, stdout=log, stderr=log, start_new_session=True)

    def add_worker(self, **environment: str) -> None:
        """One worker of one core more; ``environment`` is added to its variables."""
        arguments = ["--cores", "1", "--memory", "1200m", "--webui-port", "0", self.master]
        self.workers.append(self._start("worker.Worker", *arguments, **environment))

    def kill_workers(self) -> None:
        for worker in self.workers:
            # A worker's executors are children of it, in the same group.
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.workers.clear()

    def stop(self) -> None:
        self.kill_workers()
        os.killpg(self._master.pid, signal.SIGKILL)
        self._master.wait()
