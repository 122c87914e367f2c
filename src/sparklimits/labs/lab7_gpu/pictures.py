"""The roofline as a picture."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from sparklimits.display.figures import FIXED, NAIVE, Picture
from sparklimits.labs.lab7_gpu.accelerator import Roofline


def under_the_roof(roof: Roofline) -> Picture:
    """The roof as a line, and each piece of work as a point with its name; both axes are logarithmic."""
    figure = Picture(7.5, 3.8)
    axes: Axes = figure.add_subplot()
    ridge = roof.peak / roof.bandwidth
    intensities = [one for one, _ in roof.points.values()]
    low, high = min(intensities) / 3, 6 * max(ridge, *intensities)
    corners = [low, ridge, high]
    axes.plot(corners, [roof.roof(one) / 1e9 for one in corners], color="black", linewidth=1.5)
    axes.annotate(
        "the roof: memory, then arithmetic", (ridge, roof.peak / 1e9), xytext=(0, 6),
        textcoords="offset points", ha="center",
    )  # fmt: skip
    for name, (intensity, reached) in roof.points.items():
        near = reached > roof.roof(intensity) / 2
        axes.plot(intensity, reached / 1e9, "o" if near else "s", color=FIXED if near else NAIVE)
        axes.annotate(name, (intensity, reached / 1e9), xytext=(8, -4), textcoords="offset points")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, 8 * high)
    axes.set_ylim(top=2.5 * roof.peak / 1e9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("operations for each byte of memory (log scale)")
    axes.set_ylabel("billion operations a second (log scale)")
    axes.set_title("square: less than half of what the roof allows", fontsize="medium")
    return figure
