"""Pure formulas, tensors in and tensors out: nothing here holds state or knows the rest of the package.

| module | formulas |
|---|---|
| `signals` | uncertainty, flip average, hardness and the other signals; label weights |
| `correlation` | mutual information, cosine over positives, local context |
| `imbalance` | how rare labels are, over all samples and among neighbours |
| `sampling` | from scores to probabilities, from probabilities to the blocks of an epoch |
| `balancing` | from counts of samples to blocks that mirror the label frequencies |
| `schedule` | points in a training run; the mixture of two distributions |
| `losses` | losses by label, in place of binary cross-entropy |
| `neighbors` | nearest neighbours in feature space |
| `chunks` | rows in chunks, on one thread |

The docstrings name their sources so:

- AAAI-25: Batch Selection for Multi-Label Classification Guided by Uncertainty and Dynamic Label Correlations,
  arXiv 2412.16521.
- IJCAI-26: D2ACE, Multi-Label Batch Selection Guided by Dual Dynamics and Adaptive Correlation Enhancement,
  arXiv 2605.09400.
- ECML-24: Multi-Label Adaptive Batch Selection by Highlighting Hard and Imbalanced Samples, arXiv 2403.18192.
- NeurIPS-17: Chang, Learned-Miller, McCallum, Active Bias.
- CIKM-20: Song, Kim, Kim, Lee, Carpe Diem, Seize the Samples Uncertain "at the Moment" for Adaptive Batch Selection.

What names none is bookkeeping of ours.
"""
