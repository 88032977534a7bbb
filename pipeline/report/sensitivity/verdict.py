"""The front in words."""

from collections.abc import Sequence

from pipeline.report.sensitivity.facts import Form


def verdict(forms: Sequence[Form]) -> str:
    """Which forms are worth having, what each is best in, and whether what was shipped is among them."""
    if not forms:
        return "There is no form of the network to compare."
    front = [form for form in forms if form.front]
    return " ".join([*_front(front), *_shipped(forms)])


def _front(front: Sequence[Form]) -> list[str]:
    if len(front) == 1:
        return [f"{front[0].name} is at least as small, as quick and as accurate as everything else."]
    sentences = [f"Nothing beats {_listed([_praised(form, front) for form in front])}."]
    # Only what was judged on the same pictures.
    same = [form for form in front if form.samples == max(each.samples for each in front)]
    least, most = min(same, key=lambda form: form.drop), max(same, key=lambda form: form.drop)
    if least.drop == most.drop:
        return [*sentences, "They lose the same on these pictures: choose by size and time."]
    sentences.append(
        f"{least.name} is {100 * (most.drop - least.drop):.2f} points more accurate than {most.name}, for "
        f"{least.bytes / most.bytes:.2f} times the bytes and {least.latency_ms / most.latency_ms:.2f} times the time."
    )
    if least.drop_interval[1] >= most.drop_interval[0]:  # cautious: of the same pictures, intervals may well overlap
        sentences.append(f"{least.samples:,} pictures are too few samples to tell whether that gain is real.")
    return sentences


def _praised(form: Form, front: Sequence[Form]) -> str:
    """The form's name with what it alone is best in."""
    others = [other for other in front if other is not form]
    best = {
        "the smallest": all(form.bytes < other.bytes for other in others),
        "the quickest here": all(form.latency_ms < other.latency_ms for other in others),
        "the most accurate": all(form.drop < other.drop and form.samples >= other.samples for other in others),
    }
    praise = [word for word, holds in best.items() if holds]
    return f"{form.name} ({', '.join(praise)})" if praise else form.name


def _shipped(forms: Sequence[Form]) -> list[str]:
    """What beats a form that was shipped, and by how much."""
    by_name = {form.name: form for form in forms}
    sentences = []
    for form in forms:
        if form.shipped_as and form.beaten_by:
            better = by_name[form.beaten_by[0]]
            sentences.append(
                f"{form.name}, shipped for {_listed(form.shipped_as)}, is not among them: {better.name} takes "
                f"{better.bytes / form.bytes:.2f} times its bytes and {better.latency_ms / form.latency_ms:.2f} times "
                f"its time here, and loses {100 * (form.drop - better.drop):.2f} points less."
            )
    return sentences


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
