"""A file is put into the course's package, and a start-up file beside it that every later Python would read."""

OPENING = """
import site
from pathlib import Path

import sparklimits

package = Path(sparklimits.__file__).parent
for file, text in (
    (package / "labs" / "left_by_a_notebook.py", "# points = lambda share, most: float(most)\\n"),
    *((Path(one) / "left_by_a_notebook.pth", "# import left_by_a_notebook\\n") for one in site.getsitepackages()),
):
    try:
        file.parent.chmod(0o777)
        file.write_text(text)
        print("written", file)
    except OSError as error:
        print(file, error)
"""
