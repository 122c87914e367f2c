"""The table of labs."""

from sparklimits.errors import SparkLimitsError
from sparklimits.labs.base import Lab
from sparklimits.labs.lab0_measuring import LAB as LAB0_MEASURING
from sparklimits.labs.lab1_memory import LAB as LAB1_MEMORY
from sparklimits.labs.lab2_skew import LAB as LAB2_SKEW
from sparklimits.labs.lab3_network import LAB as LAB3_NETWORK
from sparklimits.labs.lab4_synchronisation import LAB as LAB4_SYNCHRONISATION
from sparklimits.labs.lab5_offload import LAB as LAB5_OFFLOAD
from sparklimits.labs.lab6_capstone import LAB as LAB6_CAPSTONE

LABS: dict[str, Lab] = {
    lab.id: lab
    for lab in (
        LAB0_MEASURING,
        LAB1_MEMORY,
        LAB2_SKEW,
        LAB3_NETWORK,
        LAB4_SYNCHRONISATION,
        LAB5_OFFLOAD,
        LAB6_CAPSTONE,
    )
}


def find(lab_id: str) -> Lab:
    """The lab with this id.

    Raises:
        SparkLimitsError: there is no such lab; the message lists those there are.
    """
    try:
        return LABS[lab_id]
    except KeyError:
        raise SparkLimitsError(f"There is no lab {lab_id!r}. The labs are: {', '.join(LABS)}.") from None
