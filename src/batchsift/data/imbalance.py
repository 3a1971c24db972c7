"""How uneven labels are: IRLbl and SCUMBLE.

- IRLbl_j, the largest label count over the count of label j; the mean is MeanIR (Charte et al., Neurocomputing, 2015)
- SCUMBLE: how far common and rare labels share samples. For a sample with k labels of imbalance ratios r,
  `1 - (prod r)^(1/k) / mean r`, 0 without a label; the mean over the samples (Charte et al., HAIS 2014). A label's
  SCUMBLE is the mean over the samples that have it (Charte et al., Neurocomputing, 2019)

Shape suffixes: N samples, L labels.
"""

import numpy as np
import numpy.typing as npt


def imbalance_ratios(positive_NL: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return IRLbl, `(L,)`, at least 1; NaN for a label nobody has.

    >>> imbalance_ratios(np.array([[True, False], [True, True]])).tolist()
    [1.0, 2.0]
    """
    count_L = positive_NL.sum(axis=0).astype(np.float64)
    ratio_L: npt.NDArray[np.float64] = count_L.max() / np.where(count_L > 0, count_L, np.nan)
    return ratio_L


def instance_scumble(positive_NL: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return SCUMBLE of every sample, `(N,)` in [0, 1).

    >>> instance_scumble(np.array([[True, True], [True, False], [True, False], [True, False]])).round(3).tolist()
    [0.2, 0.0, 0.0, 0.0]
    """
    ratio_L = np.nan_to_num(imbalance_ratios(positive_NL), nan=1.0)
    size_N = np.maximum(positive_NL.sum(axis=1), 1)
    geometric_N = np.exp(positive_NL @ np.log(ratio_L) / size_N)
    arithmetic_N = positive_NL @ ratio_L / size_N
    scumble_N = 1 - geometric_N / np.where(arithmetic_N > 0, arithmetic_N, 1.0)
    # A single label shares its sample with no other; the two means differ in rounding alone.
    return np.where(positive_NL.sum(axis=1) > 1, np.maximum(scumble_N, 0.0), 0.0)
