"""The methods: one published method in one file, known by name."""

from batchsift.methods.base import BaseMethod, Method, ScoredMethod
from batchsift.methods.d2ace import D2ACE
from batchsift.methods.random import Random
from batchsift.methods.registry import create, names, register
from batchsift.methods.schedule import Mixture
from batchsift.methods.uncertainty import Uncertainty

__all__ = [
    "D2ACE",
    "BaseMethod",
    "Method",
    "Mixture",
    "Random",
    "ScoredMethod",
    "Uncertainty",
    "create",
    "names",
    "register",
]
