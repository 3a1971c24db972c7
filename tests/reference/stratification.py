"""Iterative stratification over labels and pairs of labels, one sample at a time."""

from itertools import combinations


def evidence(rows, order):
    """The set of what each sample has: labels (j,), and for order 2 pairs (j, k) too; and all that occurs, in order."""
    has = []
    for row in rows:
        labels = [j for j, value in enumerate(row) if value]
        has.append({(j,) for j in labels} | (set(combinations(labels, 2)) if order == 2 else set()))
    pairs = sorted({each for pieces in has for each in pieces if len(each) == 2})
    return has, [(j,) for j in range(len(rows[0]))] + pairs


def assign(has, pieces, shares):
    """The part of each sample; among equals the first sample, piece of evidence or part."""
    part_of = [None] * len(has)
    wanted_samples = [share * len(has) for share in shares]
    wanted = {piece: [share * sum(piece in each for each in has) for share in shares] for piece in pieces}

    def place(sample, part):
        part_of[sample] = part
        wanted_samples[part] -= 1
        for piece in has[sample]:
            wanted[piece][part] -= 1

    while True:
        left = {piece: [i for i in range(len(has)) if part_of[i] is None and piece in has[i]] for piece in pieces}
        left = {piece: samples for piece, samples in left.items() if samples}
        if not left:
            break
        rarest = min(left, key=lambda piece: (len(left[piece]), pieces.index(piece)))
        for sample in left[rarest]:
            most = max(wanted[rarest])
            hungry = [part for part in range(len(shares)) if wanted[rarest][part] == most]
            place(sample, max(hungry, key=lambda part: (wanted_samples[part], -part)))
    for sample in range(len(has)):
        if part_of[sample] is None:
            place(sample, max(range(len(shares)), key=lambda part: (wanted_samples[part], -part)))
    return part_of


def label_distribution(counts, sizes):
    """Mean over parts and labels of the absolute difference of odds; `counts[part][label]`."""
    total, gaps = sum(sizes), []
    for label in range(len(counts[0])):
        whole = sum(count[label] for count in counts)
        if whole == 0:
            continue
        for count, size in zip(counts, sizes, strict=True):
            gaps.append(abs(count[label] / (size - count[label]) - whole / (total - whole)))
    return sum(gaps) / len(gaps)
