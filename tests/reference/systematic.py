"""Systematic drawing, one sample and one copy after the other, in exact fractions."""

from fractions import Fraction


def expected_copies(probabilities, block_size, num_blocks, length):
    """Spread what is above the most copies a sample can have over the others, until nothing is."""
    P = [Fraction(p) for p in probabilities]
    most = num_blocks if length == num_blocks * block_size else max(1, num_blocks - 1)
    cap = max(Fraction(most), Fraction(length, sum(p > 0 for p in P)))
    capped = set()
    while True:
        left = sum(p for i, p in enumerate(P) if i not in capped)
        share = Fraction(0) if left == 0 else (length - cap * len(capped)) / left
        expected = [cap if i in capped else p * share for i, p in enumerate(P)]
        more = {i for i, m in enumerate(expected) if m > cap}
        if not more:
            return expected
        capped |= more


def counts(expected, offset):
    """Count the whole numbers that the running sum passes from one sample to the next."""
    reached, result = offset, []
    for m in expected:
        result.append((reached + m) // 1 - reached // 1)
        reached += m
    return result


def deal(copies, block_size, num_blocks):
    """Deal copies round by round to the blocks that have room."""
    room = [block_size] * (num_blocks - 1) + [len(copies) - (num_blocks - 1) * block_size]
    blocks, remaining = [[] for _ in room], list(copies)
    while remaining:
        for block, most in zip(blocks, room, strict=True):
            if len(block) < most:
                block.append(remaining.pop(0))
    return blocks
