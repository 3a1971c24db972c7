"""How suspicious a given label is, from what was predicted for it over a whole training.

A network learns what most labels say first, and the wrong ones by heart later (Arpit et al., A Closer Look at
Memorization in Deep Networks, ICML 2017). So what it predicted on the way tells wrong labels from right ones when the
last predictions no longer do: the mean margin of a sample is the area under the margin of Pleiss et al., Identifying
Mislabeled Data using the Area Under the Margin Ranking, NeurIPS 2020. Of a binary label the margin is the logit, signed
by the given value.

Here the mean is weighted: the t-th observation of a sample counts `S(t) - S(t - 1)`, `S(t) = (t / (t + c))^3`, c = 20.
Little is known at the first ones, and after some dozens labels are known by heart, sooner for samples that are drawn
often. The weights, and all that follows from the mean, are ours.

    m_ij = sum_t w_t clip(z_ij(t), -8, 8) / sum_t w_t            mean logit
    s_ij = sigmoid(-m_ij) if y_ij = 1, else sigmoid(m_ij)        how far the given value is contradicted
    score = s_ij - lambda mean{s_kj : y_kj = y_ij}, lambda = 0.2  less a share of what is usual there

Shapes: B rows observed together, R consecutive samples, L labels.
"""

import torch
from torch import Tensor

CLIP = 8.0  # logits beyond it count as it: one prediction cannot outweigh all others
_CONSTANT = 20.0
_USUAL = 0.2


def observation_shares(before_B: Tensor) -> Tensor:
    """Return what the next observation counts in the mean logit and in the mean probability, `(B, 2)` in (0, 1].

    Args:
        before_B: How many observations there were before, at least 0; in a floating dtype.

    >>> observation_shares(torch.tensor([0.0, 1.0]))
    tensor([[1.0000, 1.0000],
            [0.8563, 0.5000]])
    """
    now_B = before_B + 1
    left_B = before_B * (now_B + _CONSTANT) / (now_B * (before_B + _CONSTANT))  # (S(t - 1) / S(t))^(1/3)
    return torch.stack([1 - left_B * left_B * left_B, 1 / now_B], dim=1)


def contradiction(mean_logit_RL: Tensor, positive_RL: Tensor) -> Tensor:
    """Return how far given labels are contradicted by mean logits, in [0, 1]; 1/2 is neither way.

    >>> contradiction(torch.tensor([2.0, 2.0, 0.0]), torch.tensor([True, False, True]))
    tensor([0.1192, 0.8808, 0.5000])
    """
    return torch.where(positive_RL, -mean_logit_RL, mean_logit_RL).sigmoid()


def suspicion(contradiction_RL: Tensor, positive_RL: Tensor, usual_2L: Tensor) -> Tensor:
    """Return the score that suspects are ranked by, in [-1, 1].

    Subtracting a share of what is usual keeps the positives of a label that is never predicted from filling the list.

    Args:
        contradiction_RL: s.
        positive_RL: Boolean: y = 1.
        usual_2L: The mean of s over the negatives and over the positives of each label.

    >>> usual = torch.tensor([[0.1], [0.9]])  # one label, never predicted
    >>> suspicion(torch.tensor([[0.9], [0.9]]), torch.tensor([[False], [True]]), usual)
    tensor([[0.8800],
            [0.7200]])
    """
    return contradiction_RL - _USUAL * torch.where(positive_RL, usual_2L[1], usual_2L[0])
