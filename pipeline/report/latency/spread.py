"""The spread of latencies: a box for each runtime."""

from pipeline.report.drawing import ACCENT, INK, MUTED, Drawing, canvas, finish
from pipeline.report.latency.times import Facts


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "spread": from the 1st to the 99th percentile a line, the middle half a box, the median a bar."""
    if not facts.timed:
        return {}
    names = [each.subject for each in facts.timed]
    figure, axis = canvas(7, 0.6 + 0.3 * len(names))
    axis.bxp(
        [
            {
                "med": each.percentiles["50"],
                "q1": each.percentiles["25"],
                "q3": each.percentiles["75"],
                "whislo": each.percentiles["1"],
                "whishi": each.percentiles["99"],
                "fliers": [],
            }
            for each in facts.timed
        ],
        positions=range(len(names)),
        orientation="horizontal",
        widths=0.55,
        patch_artist=True,
        showfliers=False,
        boxprops={"facecolor": ACCENT, "edgecolor": "none"},
        medianprops={"color": INK, "linewidth": 2},
        whiskerprops={"color": MUTED},
        capprops={"color": MUTED},
    )
    axis.set(xscale="log", xlabel="milliseconds a picture", yticks=range(len(names)))
    axis.set_yticklabels(names)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.invert_yaxis()
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    first, last = facts.timed[0], facts.timed[-1]
    words = (
        f"Latency of {len(names)} files and runtimes on a logarithmic scale. The quickest is {first.subject} with a "
        f"median of {first.percentiles['50']:.3f} ms and {first.percentiles['99']:.3f} ms at the 99th percentile; the "
        f"slowest {last.subject} with a median of {last.percentiles['50']:.3f} ms."
    )
    return {"spread": finish(figure, "latency-spread", words)}
