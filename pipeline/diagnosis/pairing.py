"""Which layer of one file computes what a layer of another does. Names differ; order, kind and sizes tell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline.diagnosis.layers import Layer


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """`partner`: by the number of a layer in the first file, the number in the second. The others are left alone."""

    partner: dict[int, int]
    alone_here: tuple[Layer, ...]
    alone_there: tuple[Layer, ...]


def pair_layers(here: Sequence[Layer], there: Sequence[Layer]) -> Pairing:
    """Align the layers of two files by kind, sizes and weights, in order; a layer without a like is left alone.

    Branches that stand in another order are paired as far as what is left over has exactly one like on each side.
    """
    matcher = SequenceMatcher(None, [each.key for each in here], [each.key for each in there], autojunk=False)
    partner = {
        here[block.a + offset].number: there[block.b + offset].number
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }
    left = [each for each in here if each.number not in partner]
    right = [each for each in there if each.number not in partner.values()]
    single = {key for key, count in Counter(each.key for each in left).items() if count == 1} & {
        key for key, count in Counter(each.key for each in right).items() if count == 1
    }
    by_key = {each.key: each.number for each in right}
    partner |= {each.number: by_key[each.key] for each in left if each.key in single}
    return Pairing(
        partner=dict(sorted(partner.items())),
        alone_here=tuple(each for each in left if each.number not in partner),
        alone_there=tuple(each for each in right if each.key not in single),
    )
