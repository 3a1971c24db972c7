"""How labels go together, neighbours, local context and local imbalance."""

import math

import numpy as np


def bin_of(value, bins):
    """Equal-width bin on [0, 1]; the last one is closed on both sides."""
    return min(max(math.floor(value * bins), 0), bins - 1)


def mutual_information_of_pair(left, right):
    """Nats between two lists of bins."""
    n = len(left)
    joint, count_left, count_right = {}, {}, {}
    for a, b in zip(left, right, strict=True):
        joint[a, b] = joint.get((a, b), 0) + 1
        count_left[a] = count_left.get(a, 0) + 1
        count_right[b] = count_right.get(b, 0) + 1
    total = 0.0
    for (a, b), count in joint.items():
        total += count / n * math.log(count * n / (count_left[a] * count_right[b]))
    return max(total, 0.0)


def mutual_information(binned, known):
    """Every pair of columns, over the samples in which both are known."""
    num_samples, num_labels = binned.shape
    result = np.zeros((num_labels, num_labels))
    for j in range(num_labels):
        for k in range(num_labels):
            common = [i for i in range(num_samples) if known[i, j] and known[i, k]]
            if common:
                result[j, k] = mutual_information_of_pair(
                    [binned[i, j] for i in common], [binned[i, k] for i in common]
                )
    return result


def scaled_by_row_maximum(information):
    """Ones on the diagonal, then every row over its maximum."""
    num_labels = len(information)
    result = np.empty((num_labels, num_labels))
    for j in range(num_labels):
        row = [1.0 if k == j else information[j, k] for k in range(num_labels)]
        for k in range(num_labels):
            result[j, k] = row[k] / max(row)
    return result


def positive_cosine(signal, positive):
    """Cosine similarity of the columns over their positives, rows over their sums; 0/0 is 0."""
    num_samples, num_labels = signal.shape
    columns = [[float(signal[i, j]) if positive[i, j] else 0.0 for i in range(num_samples)] for j in range(num_labels)]
    lengths = [math.sqrt(math.fsum(a * a for a in column)) for column in columns]
    cosine = np.zeros((num_labels, num_labels))
    for j in range(num_labels):
        for k in range(num_labels):
            dot = math.fsum(a * b for a, b in zip(columns[j], columns[k], strict=True))
            cosine[j, k] = dot / (lengths[j] * lengths[k]) if lengths[j] > 0 and lengths[k] > 0 else 0.0
    result = np.zeros_like(cosine)
    for j in range(num_labels):
        total = math.fsum(cosine[j])
        if total > 0:
            for k in range(num_labels):
                result[j, k] = cosine[j, k] / total
    return result


def nearest_neighbors(features, num_neighbors):
    """The nearest other samples by Euclidean distance, nearest first; equals in the order of their index."""
    features = np.asarray(features, dtype=np.float64)
    found = []
    for i in range(len(features)):
        others = [other for other in range(len(features)) if other != i]
        distances = [(math.fsum((features[i] - features[other]) ** 2), other) for other in others]
        found.append([other for _, other in sorted(distances)[:num_neighbors]])
    return found


def local_context(positive, neighbors):
    """1 where the sample or one of its neighbours has the label."""
    context = np.zeros(positive.shape)
    for i, others in enumerate(neighbors):
        for member in [i, *others]:
            for j in range(positive.shape[1]):
                if positive[member, j]:
                    context[i, j] = 1.0
    return context


def context_strength(context, correlation):
    """`S_ij = sum_k z_ik C_jk`."""
    num_samples, num_labels = context.shape
    result = np.zeros((num_samples, num_labels))
    for i in range(num_samples):
        for j in range(num_labels):
            for k in range(num_labels):
                result[i, j] += context[i, k] * correlation[j, k]
    return result


def imbalance_ratios(positive):
    """IRLbl of each label; NaN for a label nobody has."""
    counts = [sum(bool(cell) for cell in positive[:, j]) for j in range(positive.shape[1])]
    return [max(counts) / count if count else math.nan for count in counts]


def minority_labels(positive):
    """The labels whose ratio is above the mean over the labels somebody has."""
    ratios = imbalance_ratios(positive)
    occurring = [ratio for ratio in ratios if not math.isnan(ratio)]
    if not occurring:
        return []
    mean = math.fsum(occurring) / len(occurring)
    return [j for j, ratio in enumerate(ratios) if ratio > mean]


def local_imbalance_weights(positive, neighbors, known):
    """Omega: one more than what the sample's minority labels say about its neighbourhood."""
    omega = [1.0] * len(positive)
    for j in minority_labels(positive):
        shares = {}
        for i, others in enumerate(neighbors):
            if not positive[i, j]:
                continue
            compared = [other for other in others if other != i and known[other, j]]
            if not compared:
                continue
            share = sum(not positive[other, j] for other in compared) / len(compared)
            if 0 < share < 1:
                shares[i] = share
        for i, share in shares.items():
            omega[i] += share / math.fsum(shares.values())
    return np.array(omega)
