"""The step of autograding that runs a submission: its kernel is in a sandbox, with a copy of its own folder alone.

Nothing comes back but the kernel's messages: whatever a notebook leaves in its folder goes away with the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from traitlets import Bool

from sparklimits.errors import MachineError
from sparklimits.grading.execution import PatientExecute
from sparklimits.grading.sandbox import groups, tiers
from sparklimits.grading.sandbox.box import BUBBLEWRAP, Limits, Sandbox
from sparklimits.machine import limits
from sparklimits.machine.paths import project_root, scratch

#: Bytes of memory that a submission may use: what a lab wants at full size, and room for a wasteful answer.
_MEMORY = 8 * 10**9
#: Of a small machine's memory this share, so that the grading process itself goes on.
_SHARE = 0.9
_LOG = ".kernel.log"
#: Seconds for a kernel that is killed to take with it what it has started.
_GRACE = 5


class SandboxedManager(AsyncKernelManager):
    """Starts a kernel in :attr:`sandbox`, which is set before."""

    sandbox: Sandbox
    _group: groups.Group | None = None

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

    async def _async_kill_kernel(self, restart: bool = False) -> None:
        # First the program that holds everything inside together has a moment to end it.
        await self._async_send_kernel_sigterm(restart=restart)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._async_wait(), timeout=_GRACE)
        await super()._async_kill_kernel(restart=restart)

    def end(self) -> None:
        """Ends everything that the kernel has started."""
        if self._group is not None:
            self._group.end()


class SandboxedExecute(PatientExecute):
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
        memory = min(_MEMORY, int(_SHARE * limits.memory().granted))
        manager.sandbox = Sandbox(
            self._folder, hidden=(project_root(), Path.cwd()), limits=Limits(memory), tier=self._tier.name
        )
        return manager

    def _end(self) -> None:
        """Nothing of a run is left: no process, no file."""
        if self._manager is not None:
            self._manager.end()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._manager = self._folder = None

    def _last_words(self) -> str:
        """What a kernel that did not start has written, its last line."""
        log = self._folder / _LOG if self._folder is not None else None
        lines = log.read_text("utf-8", "replace").split("\n") if log is not None and log.is_file() else []
        said = [line.strip() for line in lines if line.strip()]
        return f" It said: {said[-1][:300]}" if said else ""


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
