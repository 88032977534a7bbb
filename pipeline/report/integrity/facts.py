"""What the report says of its own figures: checks, each with a name, a verdict and words."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check. `passed`: None where it could not be made, and `words` say why; otherwise they say what was found, and
    what to do about it. `named`: what it is about, at most ten."""

    name: str
    passed: bool | None
    words: str
    named: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A picture of the blind test, by name, and one of `split` ("training" or "validation") that it is a copy of.

    `likeness`: correlation of brightness, -1..1, 1 for identical pixels. `mirrored`: left and right exchanged.
    """

    picture: str
    original: str
    split: str
    likeness: float
    mirrored: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`checks` in the order of the page.

    `compared` pictures of the blind test with `against` of training and validation: `identical` have the very pixels
    of one, `similar` others are nearly one of them (None: too small to tell); `copies` are some of both, identical ones
    first. `top1` of the float model on the blind test, and `top1_without` those copies; shares, None without pictures.
    """

    checks: tuple[Check, ...]
    compared: int
    against: int
    identical: int
    similar: int | None
    copies: tuple[Copy, ...]
    top1: float
    top1_without: float | None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass; while there is one, the figures of the report are not to be trusted."""
        return tuple(check for check in self.checks if check.passed is False)
