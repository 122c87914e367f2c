"""The step of autograding that runs a submission: all that a student wrote runs in sandboxes.

The notebook's kernel has a copy of the submission's folder alone, and nothing comes back but its messages: whatever a
notebook leaves in its folder goes away with the sandbox. Each of the referee's processes has a sandbox of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from traitlets import Bool

from sparklimits.errors import MachineError
from sparklimits.grading.referee.execute import RefereedExecute
from sparklimits.grading.referee.launcher import Launched
from sparklimits.grading.sandbox import groups, tiers
from sparklimits.grading.sandbox.box import BUBBLEWRAP, Limits, Sandbox
from sparklimits.grading.sandbox.quota import Quota
from sparklimits.machine import limits, places
from sparklimits.machine.paths import project_root, scratch
from sparklimits.measurement.result import REFEREED

#: Bytes of memory that a submission may use: what a lab wants at full size, and room for a wasteful answer.
_MEMORY = 8 * 10**9
#: Of a small machine's memory this share, so that the grading process itself goes on.
_SHARE = 0.9
#: Where nbgrader's exchange is when its settings say nothing: within what a sandbox shows of the system.
_EXCHANGE = "/usr/local/share/nbgrader/exchange"
_LOG = ".kernel.log"
#: The referee's result, for the pictures of the cells that show it.
_RESULT = ".result"
#: Seconds for a kernel that is killed to take with it what it has started.
_GRACE = 5
#: Seconds for a process that is about to end by itself, and the exit codes that stand for signals begin here.
_MOMENT, _SIGNALS = 0.2, 128


class SandboxedManager(AsyncKernelManager):
    """Starts a kernel in :attr:`sandbox`, which is set before."""

    sandbox: Sandbox
    _group: groups.Group | None = None
    _quota: Quota | None = None

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The command with the connection file's path as it is inside, where no link leads to it."""
        real = os.path.realpath(self.connection_file)
        return [
            word.replace(real, self.connection_file) for word in super().format_kernel_cmd(extra_arguments)
        ]

    async def _async_pre_start_kernel(self, **keywords: Any) -> tuple[list[str], dict[str, Any]]:
        folder = self.sandbox.folder
        # Sockets in the folder: the sandbox's network is its own, and signals do not cross its border.
        self.transport, self.connection_file, self.ip = (
            "ipc",
            str(folder / ".kernel.json"),
            str(folder / ".k"),
        )
        assert self.kernel_spec is not None
        self.kernel_spec.interrupt_mode = "message"
        argv, keywords = await super()._async_pre_start_kernel(**keywords)
        command, self._group = self.sandbox.enclosed(argv)
        keywords |= {"cwd": str(folder), "env": self.sandbox.variables()}
        return command, keywords

    async def _async_launch_kernel(self, kernel_cmd: list[str], **keywords: Any) -> None:
        # What is written past the notebook would reach the terminal, and could steer it.
        with (self.sandbox.folder / _LOG).open("wb") as log:
            await super()._async_launch_kernel(kernel_cmd, stdout=log, stderr=log, **keywords)
        self._watch()

    async def _async_kill_kernel(self, restart: bool = False) -> None:
        # First the program that holds everything inside together has a moment to end it.
        await self._async_send_kernel_sigterm(restart=restart)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._async_wait(), timeout=_GRACE)
        await super()._async_kill_kernel(restart=restart)

    def _watch(self) -> None:
        """Ends a kernel that fills the disk."""
        if self._quota is not None:
            self._quota.stop()
        self._quota = self.sandbox.quota(self._full)

    def _full(self) -> None:
        if pid := getattr(self.provisioner, "pid", None):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Ends everything that the kernel has started."""
        if self._quota is not None:
            self._quota.stop()
        if self._group is not None:
            self._group.end()


class SandboxedArm:
    """A process of the referee's in a sandbox: see :class:`~sparklimits.grading.referee.launcher.Launched`."""

    def __init__(self, command: Sequence[str], sandbox: Sandbox) -> None:
        self._open = contextlib.ExitStack()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        self._running = self._open.enter_context(sandbox.popen(command, **pipes))
        process = self._running.process
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self.source, self.out = process.stdout.fileno(), process.stdin.fileno()

    def freeze(self) -> None:
        """Stops it and everything below it."""
        self._running.freeze()

    def thaw(self) -> None:
        """Lets it go on."""
        self._running.thaw()

    def kill(self) -> int | None:
        """Ends it with everything below it; its exit code, negative for a signal, when it had ended by itself."""
        process = self._running.process
        # What ends by itself just now is given a moment: its exit code says more than our signal.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_MOMENT)
        ended = process.poll()
        self._open.close()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        # The program around it tells of a signal as a shell does.
        return _SIGNALS - ended if ended is not None and ended > _SIGNALS else ended


class SandboxedExecute(RefereedExecute):
    """Runs other people's notebooks. ``no_sandbox`` lets them run with all the rights of the one who grades."""

    no_sandbox = Bool(False, help="Run submissions with all your rights, without a sandbox.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict, km: Any = None
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook with its outputs.

        Raises:
            MachineError: the kernel did not start, or this machine has no sandbox.
            SubmissionError: too many cells ended the kernel.
        """
        if self.no_sandbox:
            self.log.warning("The notebook runs without a sandbox: it can read and change what you can.")
            return super().preprocess(nb, resources, km)
        self._tier = tiers.require()
        say = self.log.info if self._tier.name == BUBBLEWRAP else self.log.warning
        say("The notebook runs in a sandbox: %s", self._tier.told())
        self._from = Path(resources["metadata"]["path"]) if resources["metadata"].get("path") else None
        self._folder: Path | None = None
        self._manager: SandboxedManager | None = None
        try:
            return super().preprocess(nb, resources, km)
        except MachineError as error:
            raise MachineError(f"{error}{self._last_words()}") from error
        finally:
            self._end()

    def create_kernel_manager(self) -> Any:
        """A manager for one run of the notebook, with a sandbox of its own."""
        if self.no_sandbox:
            return super().create_kernel_manager()
        self._end()
        self._folder = Path(tempfile.mkdtemp(prefix="run-", dir=scratch()))
        if self._from is not None:
            copy_files(self._from, self._folder)
        self.kernel_manager_class = SandboxedManager
        self._manager = manager = super().create_kernel_manager()
        shown = {}
        if self._handed is not None:
            shutil.copyfile(self._handed, self._folder / _RESULT)
            shown[REFEREED] = str(self._folder / _RESULT)
        manager.sandbox = self._sandbox(self._folder, shown)
        return manager

    def launch(self, command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Launched:
        """Starts a process of the referee's in a sandbox of its own, with its folder alone."""
        if self.no_sandbox:
            return super().launch(command, variables, folder)
        own = {
            name: value
            for name, value in variables.items()
            if name.startswith("SPARKLIMITS_") and name != "SPARKLIMITS_TMP"
        }
        return SandboxedArm(command, self._sandbox(folder, own))

    def _sandbox(self, folder: Path, variables: Mapping[str, str]) -> Sandbox:
        memory = min(_MEMORY, int(_SHARE * limits.memory().granted))
        return Sandbox(
            folder,
            hidden=(project_root(), Path.cwd(), *self._exchange()),
            environment=variables,
            limits=Limits(memory, processors=_processors()),
            tier=self._tier.name,
        )

    def _exchange(self) -> list[Path]:
        """nbgrader's exchange, where the others' submissions lie: its usual place, and the one of the settings."""
        own = self.config.Exchange.get("root")
        return [Path(one).resolve() for one in (_EXCHANGE, own if isinstance(own, str) else "") if one]

    def _end(self) -> None:
        """Nothing of a run is left: no process, no file."""
        if self._manager is not None:
            self._manager.end()
        if self._folder is not None:
            places.remove(self._folder)
        self._manager = self._folder = None

    def _last_words(self) -> str:
        """What a kernel that did not start has written, its last line."""
        log = self._folder / _LOG if self._folder is not None else None
        lines = log.read_text("utf-8", "replace").split("\n") if log is not None and log.is_file() else []
        said = [line.strip() for line in lines if line.strip()]
        return f" It said: {said[-1][:300]}" if said else ""


def _processors() -> tuple[int, ...]:
    """The processors that this process was given, where these are not all: what runs inside gets no others."""
    own = os.sched_getaffinity(0)
    return tuple(sorted(own)) if len(own) < (os.cpu_count() or 1) else ()


def copy_files(source: Path, target: Path) -> None:
    """Copies the files of a submission; links, pipes and devices stay behind, and so do notebooks.

    The notebook in the folder is the one that is graded: its hidden tests are in it.
    """
    for folder, folders, files in os.walk(source):  # links to folders are not followed
        place = target / Path(folder).relative_to(source)
        folders[:] = [name for name in folders if not Path(folder, name).is_symlink()]
        for name in folders:
            (place / name).mkdir(exist_ok=True)
        for name in files:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode) and path.suffix != ".ipynb":
                shutil.copyfile(path, place / name)
