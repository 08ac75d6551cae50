"""Names with `*`: which of two is more specific, and whether a name could fit both."""

MOST = 256


def is_pattern(name: str) -> bool:
    """Whether it stands for many names."""
    return "*" in name


def specificity(pattern: str) -> int:
    """How many characters are fixed."""
    return len(pattern) - pattern.count("*")


def overlap(one: str, other: str) -> bool:
    """Whether any name fits both; in time that grows with the product of their lengths."""
    seen: set[tuple[int, int]] = set()
    open_: list[tuple[int, int]] = [(0, 0)]
    while open_:
        at = i, j = open_.pop()
        if at in seen:
            continue
        seen.add(at)
        if i == len(one) and j == len(other):
            return True
        open_ += _next(one[i : i + 1], other[j : j + 1], i, j)
    return False


def _next(a: str, b: str, i: int, j: int) -> list[tuple[int, int]]:
    if "*" in (a, b):
        return [*([(i + 1, j)] if a else []), *([(i, j + 1)] if b else [])]
    return [(i + 1, j + 1)] if a and a == b else []
