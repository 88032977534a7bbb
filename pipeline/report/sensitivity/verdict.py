"""The front in words."""

from collections.abc import Mapping, Sequence

from pipeline.report.sensitivity.facts import Form
from pipeline.report.sensitivity.front import SAME_LATENCY, Costs, versus
from pipeline.statistics import score_interval


def verdict(forms: Sequence[Form], costs: Mapping[str, Costs]) -> str:
    """Which forms are worth having, what each is best in, and whether what was shipped is among them.

    `costs`: of each form, by its name. Accuracies are compared on the pictures that both forms were judged on.
    """
    front = [form for form in forms if form.front]
    sentences = [_only(front[0], forms)] if len(front) == 1 else _front(front, costs)
    return " ".join([*sentences, *_shipped(forms, costs)])


def _only(form: Form, forms: Sequence[Form]) -> str:
    longer = form.latency_ms / min(other.latency_ms for other in forms) - 1
    pace = f"{100 * longer:.1f} % slower than the quickest, which timing does not tell apart" if longer else "as quick"
    return f"{form.name} is at least as small and as accurate as every other form, and {pace}."


def _front(front: Sequence[Form], costs: Mapping[str, Costs]) -> list[str]:
    praised = [_praised(form, [other for other in front if other is not form], costs) for form in front]
    sentences = [f"Worth having are {_listed(praised)}."]
    # Only what was judged on the same pictures.
    same = [form for form in front if form.samples == max(each.samples for each in front)]
    if len(same) == 1:
        return sentences
    least, most = min(same, key=lambda form: form.drop), max(same, key=lambda form: form.drop)
    if least.drop == most.drop:
        alike = _listed([form.name for form in same])
        return [*sentences, f"On {least.samples:,} pictures {alike} lose the same: choose by size and time."]
    sentences.append(
        f"{least.name} is {100 * (most.drop - least.drop):.2f} points more accurate than {most.name}, for "
        f"{least.bytes / most.bytes:.2f} times the bytes and {least.latency_ms / most.latency_ms:.2f} times the time."
    )
    low, _ = score_interval(versus(costs[least.name], costs[most.name]))
    if low <= 0:
        sentences.append(f"{least.samples:,} pictures are too few samples to tell whether that gain is real.")
    return sentences


def _praised(form: Form, others: Sequence[Form], costs: Mapping[str, Costs]) -> str:
    """The form's name with what it alone is best in."""
    best = {
        "the smallest": all(form.bytes < other.bytes for other in others),
        "the quickest here": all(form.latency_ms * (1 + SAME_LATENCY) < other.latency_ms for other in others),
        "the most accurate on these pictures": all(
            versus(costs[form.name], costs[other.name]).drop > 0 for other in others
        ),
    }
    praise = [word for word, holds in best.items() if holds]
    return f"{form.name} ({', '.join(praise)})" if praise else form.name


def _shipped(forms: Sequence[Form], costs: Mapping[str, Costs]) -> list[str]:
    """What beats a form that was shipped, and by how much."""
    by_name = {form.name: form for form in forms}
    sentences = []
    for form in forms:
        if form.shipped_as and form.beaten_by:
            better = by_name[form.beaten_by[0]]
            sentences.append(
                f"{form.name}, shipped for {_listed(form.shipped_as)}, is beaten: {better.name} takes "
                f"{better.bytes / form.bytes:.3f} times its bytes and {better.latency_ms / form.latency_ms:.2f} times "
                f"its time here, and {_gain(costs[better.name], costs[form.name])}."
            )
    return sentences


def _gain(better: Costs, form: Costs) -> str:
    """What the better form loses less, and whether the pictures can tell."""
    pairs = versus(better, form)
    low, high = (100 * end for end in score_interval(pairs))
    on = f"on {pairs.count:,} pictures"
    if low > 0:
        return f"loses {100 * pairs.drop:.2f} points less {on} (95 %: {low:.2f} to {high:.2f})"
    gain = f"loses {100 * pairs.drop:.2f} points less" if pairs.drop else "loses the same"
    return f"{gain} {on}, too few samples to tell their accuracies apart (95 %: {low:+.2f} to {high:+.2f} points)"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
