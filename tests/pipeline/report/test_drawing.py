"""Drawings: text stays the text that it was, colours are the page's, identifiers are their own."""

import pytest

from pipeline.report.drawing import BAD, INK, canvas, finish, page_style


@pytest.mark.parametrize("name", ["$", "a$_$b", "$100$", "<b>&'\"-->", "\\frac", "猫", 'id="q #0a0a01'])
def test_names_are_drawn_as_they_are(name: str) -> None:
    with page_style():
        figure, axis = canvas(4, 2)
        axis.set(title=name, xscale="log", xlim=(1, 1000))
        axis.xaxis.set_major_formatter("{x:g}")
        svg = finish(figure, "demo", "words").svg
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f">{escaped}</text>" in svg


def test_colours_are_the_pages_own_and_identifiers_carry_the_name() -> None:
    with page_style():
        figure, axis = canvas(4, 2)
        axis.bar([1, 2], [3, 4], color=[INK, BAD])
        svg = finish(figure, "demo", "words").svg
    assert "var(--bad)" in svg
    assert "#0a0a0" not in svg
    assert 'id="demo-' in svg
    assert svg.count(' id="') == svg.count(' id="demo-')
    assert "<style" not in svg
