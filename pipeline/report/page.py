"""index.html: one file that holds all it shows, and asks nobody for anything."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipeline.report.drawing import Drawing, page_style
from pipeline.report.sections import SECTIONS, NotMeasured, Results, failed_checks


def render(results: Results) -> str:
    """The page of `results`."""
    environment = _environment()
    sections = []
    for name, section in SECTIONS.items():
        facts = getattr(results, name)
        if isinstance(facts, NotMeasured):
            body = environment.get_template("templates/not_measured.html").render(reason=facts.not_measured)
        else:
            with page_style():
                drawings = section.draw(facts)
            template = environment.get_template(f"{name}/section.html")
            body = template.render(facts=facts, drawings=drawings, proven=results.proven)
        sections.append({"name": name, "title": section.TITLE, "body": Markup(body)})  # noqa: S704 - escaped inside
    return environment.get_template("templates/index.html").render(
        results=results,
        sections=sections,
        failed=failed_checks(results),
        unchecked=results.integrity.not_measured if isinstance(results.integrity, NotMeasured) else "",
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, points=_points, loss=_loss, interval=_interval, kib=_kib, milliseconds=_milliseconds
    )
    environment.globals["svg"] = _svg
    environment.globals.update(vars(environment.get_template("templates/macros.html").module))
    return environment


def _svg(drawing: Drawing) -> Markup:
    return Markup(drawing.svg)  # noqa: S704 - matplotlib escapes the text that it draws


def _percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def _points(share: float) -> str:
    """A difference of shares, in points of top-1, with its sign."""
    return f"{100 * share:+.2f}"


def _loss(drop: float) -> str:
    """A drop in words."""
    points = f"{100 * abs(drop):.2f} points"
    return "no loss" if drop == 0 else f"loses {points}" if drop > 0 else f"gains {points}"


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"  # noqa: RUF001 - an en dash spans a range


def _kib(count: int) -> str:
    return f"{count / 1024:,.1f}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
