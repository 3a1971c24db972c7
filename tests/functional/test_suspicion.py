"""The weighted mean of a sample's logits, and the score made of it."""

import numpy as np
import pytest
import torch

from batchsift.functional.suspicion import contradiction, observation_shares, suspicion


def test_the_running_means_are_the_weighted_and_the_plain_mean():
    values = np.random.default_rng(0).normal(size=50)
    cumulative = (np.arange(51) / (np.arange(51) + 20)) ** 3
    weights = np.diff(cumulative)
    means = torch.zeros(2, dtype=torch.float64)
    for share_2, value in zip(observation_shares(torch.arange(50, dtype=torch.float64)), values, strict=True):
        means += share_2 * (value - means)
    assert means.tolist() == pytest.approx([np.average(values, weights=weights), values.mean()])


def test_neither_the_first_nor_the_late_observations_count_most():
    cumulative = (np.arange(201) / (np.arange(201) + 20)) ** 3
    heaviest = np.diff(cumulative).argmax()
    assert 10 <= heaviest <= 30


def test_the_given_value_decides_what_contradicts_it():
    logits, positive = torch.tensor([3.0, 3.0, -3.0]), torch.tensor([True, False, True])
    assert contradiction(logits, positive).tolist() == pytest.approx([0.0474259, 0.9525741, 0.9525741])


def test_what_is_usual_for_a_label_is_less_suspicious():
    contradicted = torch.tensor([[0.9, 0.9]])
    usual_2L = torch.tensor([[0.0, 0.0], [0.1, 0.9]])
    known, never_predicted = suspicion(contradicted, torch.tensor([[True, True]]), usual_2L)[0].tolist()
    assert known > never_predicted
    assert known == pytest.approx(0.9 - 0.2 * 0.1)
