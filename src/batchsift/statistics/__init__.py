"""Statistics of paired values: arrays of numbers in, frozen results out, nothing about files or studies.

| module | what it answers | |
|---|---|---|
| `folds` | what are the values of the folds like? | mean and deviation, the smallest p of a signed-rank test |
| `ranks` | who is ahead of whom? | average ranks, groups of methods that no test told apart |
| `significance` | is it chance? | Friedman, Nemenyi, Wilcoxon with Holm, corrected resampled t-test |
| `power` | could it have been seen? | the smallest effect that runs can tell apart, the repetitions one would need |
| `effects` | how large is it? | wins and losses, rank-biserial correlation, Hedges' g, bootstrap interval |
| `time_to_target` | how soon? | Kaplan-Meier estimate of the epochs until a target, over runs that may never reach it |

SciPy and scikit-posthocs compute what they have. A result that does not exist is NaN or None; most then say why.
"""

from batchsift.statistics.effects import (
    Interval,
    WinTieLoss,
    bootstrap_interval,
    hedges_g,
    rank_biserial,
    win_tie_loss,
)
from batchsift.statistics.folds import (
    Summary,
    smallest_p,
    summarize,
)
from batchsift.statistics.power import power_of, repetitions_needed, smallest_effect
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
    "Pairwise",
    "Significance",
    "Summary",
    "TimeToTarget",
    "WinTieLoss",
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
    "power_of",
    "rank_biserial",
    "repetitions_needed",
    "signed_rank_p",
    "smallest_effect",
    "smallest_p",
    "summarize",
    "time_to_target",
    "wilcoxon_holm",
    "win_tie_loss",
]
