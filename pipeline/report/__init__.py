"""The report of a run: one page for people, the same figures in results.json.

A section is a folder here with the same names in the same order:

    TITLE: str                                          its heading
    Facts                                               a frozen dataclass of plain values, for results.json
    measure(inspection: Inspection) -> Facts            runs what has to be run
    draw(facts: Facts) -> dict[str, Drawing]            its pictures by name, for the page

and a template, section.html, which sees `facts` and `drawings`. The sections stand in `pipeline.report.sections`.
"""
