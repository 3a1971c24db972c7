"""A small data set whose labels are signs of its features, with noise."""

import numpy as np

from batchsift.data import MultiLabelData


def made(num_samples=120, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_samples, 5))
    labels = (features[:, :3] + 0.3 * rng.normal(size=(num_samples, 3)) > 0).astype(float)
    return MultiLabelData(features, labels, tuple("abcde"), ("x", "y", "z"), "made")
