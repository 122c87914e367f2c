"""A start that fails says why: with Java's own reason, which would go with its log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sparklimits.errors import MachineError
from sparklimits.machine.paths import scratch
from sparklimits.spark import session
from sparklimits.spark.constraints import Constraints

_OPTION = "spark.driver.extraJavaOptions"


@pytest.mark.shows("not_started")
def test_the_reason_of_a_java_that_ends_at_once_is_told_and_its_log_is_kept() -> None:
    broken = Constraints(settings={_OPTION: "-agentlib:nosuch"}, reasons={_OPTION: "Java does not know it"})
    with pytest.raises(MachineError) as raised:
        session.get(broken)
    told = str(raised.value)
    assert told.startswith("Spark did not start on local-cluster[")
    assert "nosuch" in told or "occurred during initialization of VM" in told
    found = re.search(r"Its log, (\S+), says: ", told)
    assert found is not None
    assert "nosuch" in Path(found[1]).read_text()
    assert scratch() not in Path(found[1]).parents
