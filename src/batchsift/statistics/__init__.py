"""Statistics of experiments: over the folds of one data set, and over data sets.

`folds`           means, paired differences, the smallest p there can be
`ranks`           average ranks, groups of methods that were not told apart
`significance`    Friedman with Iman and Davenport, Nemenyi, Wilcoxon with Holm, the corrected resampled t-test
`effects`         wins and losses, rank-biserial correlation, Hedges' g, paired bootstrap intervals
`time_to_target`  epochs until a target is reached, with runs that never get there
"""

from batchsift.statistics.effects import (
    Interval,
    Record,
    bootstrap_interval,
    hedges_g,
    rank_biserial,
    win_tie_loss,
)
from batchsift.statistics.folds import (
    PairedDifference,
    Summary,
    paired_difference,
    smallest_p,
    summarise,
)
from batchsift.statistics.ranks import average_ranks, groups, overall_ranks
from batchsift.statistics.significance import (
    CorrectedT,
    Friedman,
    Pairwise,
    Significance,
    corrected_mean,
    corrected_resampled_t,
    critical_difference,
    friedman,
    holm,
    nemenyi,
    signed_rank_p,
    wilcoxon_holm,
)
from batchsift.statistics.time_to_target import (
    Duration,
    TimeToTarget,
    epochs_to_target,
    time_to_target,
)

__all__ = [
    "CorrectedT",
    "Duration",
    "Friedman",
    "Interval",
    "PairedDifference",
    "Pairwise",
    "Record",
    "Significance",
    "Summary",
    "TimeToTarget",
    "average_ranks",
    "bootstrap_interval",
    "corrected_mean",
    "corrected_resampled_t",
    "critical_difference",
    "epochs_to_target",
    "friedman",
    "groups",
    "hedges_g",
    "holm",
    "nemenyi",
    "overall_ranks",
    "paired_difference",
    "rank_biserial",
    "signed_rank_p",
    "smallest_p",
    "summarise",
    "time_to_target",
    "wilcoxon_holm",
    "win_tie_loss",
]
