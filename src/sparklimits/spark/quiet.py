"""Keeps what Python's side of Spark prints about an error off the screen: it goes to the session's log.

The error itself says it all, and reaches the reader as one paragraph. Beside it, pyspark writes a page of JSON,
a warning with Java's stack, and py4j's account of its connections.
"""

from __future__ import annotations

import logging
import traceback
import warnings
from pathlib import Path
from typing import Any

#: Loggers of pyspark and py4j that write to standard error of their own accord.
_LOGGERS = ("DataFrameQueryContextLogger", "SQLQueryContextLogger", "py4j")
_log: logging.FileHandler | None = None


def keep_off_the_screen(log: Path) -> None:
    """From now on those words go to this file."""
    global _log
    from pyspark import util
    from pyspark.logger import PySparkLogger

    if _log is None:
        logging.getLogger().addFilter(_is_not_py4js)  # it also writes to the logger that everybody shares
        # The error comes right after it.
        warnings.filterwarnings("ignore", r"\s*(toPandas|createDataFrame) attempted Arrow", UserWarning)
        util.print_exec = _print_to_log
    _log = logging.FileHandler(log, delay=True)
    for name in _LOGGERS:
        logger = logging.getLogger(name) if name == "py4j" else PySparkLogger.getLogger(name)
        logger.handlers, logger.propagate = [_log], False


def _is_not_py4js(record: logging.LogRecord) -> bool:
    if "py4j" not in Path(record.pathname).parts or _log is None:
        return True
    _log.emit(record)
    return False


def _print_to_log(stream: Any) -> None:
    assert _log is not None
    _log.emit(logging.makeLogRecord({"msg": traceback.format_exc(), "levelname": "ERROR"}))
