"""The methods: one published method in one file, known by name.

Random             `random.py`           a shuffled pass
Stratified         `stratified.py`       "Balance" in the papers; ours by vector balancing
BalancedPass       `balanced_pass.py`    ours
LabelBalanced      `label_balanced.py`   label first, then a sample that has it
RepeatFactor       `repeat_factor.py`    Gupta et al. (LVIS), CVPR 2019, arXiv 1908.03195
Hard               `hard.py`             ECML PKDD 2024, arXiv 2403.18192 (its hardness alone)
HardImbalanced     `hard_imbalanced.py`  ECML PKDD 2024, arXiv 2403.18192
InfoBatch          `info_batch.py`       Qin et al., ICLR 2024, arXiv 2303.04947
ActiveBias         `active_bias.py`      Chang et al., NeurIPS 2017
RecencyBias        `recency_bias.py`     Song et al., CIKM 2020
Uncertainty        `uncertainty.py`      AAAI 2025, arXiv 2412.16521
D2ACE              `d2ace.py`            IJCAI 2026, arXiv 2605.09400
"""

from importlib import import_module
from pkgutil import iter_modules

from batchsift.functional.schedule import Mixture
from batchsift.methods.active_bias import ActiveBias
from batchsift.methods.adapter import completed
from batchsift.methods.balanced_pass import BalancedPass
from batchsift.methods.base import BaseMethod, CompleteMethod, Method
from batchsift.methods.d2ace import D2ACE
from batchsift.methods.hard import Hard
from batchsift.methods.hard_imbalanced import HardImbalanced
from batchsift.methods.info_batch import InfoBatch
from batchsift.methods.label_balanced import LabelBalanced
from batchsift.methods.random import Random
from batchsift.methods.recency_bias import RecencyBias
from batchsift.methods.registry import create, names, register
from batchsift.methods.repeat_factor import RepeatFactor
from batchsift.methods.scored import ScoredMethod
from batchsift.methods.stratified import Stratified
from batchsift.methods.uncertainty import Uncertainty

__all__ = [
    "D2ACE",
    "ActiveBias",
    "BalancedPass",
    "BaseMethod",
    "CompleteMethod",
    "Hard",
    "HardImbalanced",
    "InfoBatch",
    "LabelBalanced",
    "Method",
    "Mixture",
    "Random",
    "RecencyBias",
    "RepeatFactor",
    "ScoredMethod",
    "Stratified",
    "Uncertainty",
    "completed",
    "create",
    "names",
    "register",
]

for _module in iter_modules(__path__):  # a file is all that a new method needs
    import_module(f"{__name__}.{_module.name}")
