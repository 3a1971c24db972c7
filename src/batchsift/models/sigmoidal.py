"""The sigmoidal step of a normalising flow, and its derivative.

Citation:
    C.-W. Huang, D. Krueger, A. Lacoste, A. Courville. Neural Autoregressive Flows. ICML 2018, arXiv 1804.00779.

Shapes: d dimensions, K sigmoids.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

FAR = 30.0  # beyond it, σ is a power of e (to 1e-13) in one direction, and 1 (as closely) in the other
LEAST = 1e-10  # of w and a: below it, log f and the slope would underflow in single precision


def sigmoidal_step(zeta: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
    """Map the real line onto itself, monotonely and in each dimension: t = logit Σ_k w_k σ(a_k ζ + b_k).

    The units stand first: on a CPU, reductions over a short last dimension take several times as long.

    Args:
        zeta: `(..., d)`, or what broadcasts to it.
        raw: `(3K, ..., d)`: a before its softplus, b, w before its softmax.

    Returns:
        t and log |dt / dζ| in nats, `(..., d)` each.

    >>> raw = torch.tensor([[0.541325], [0.0], [0.0]])  # K = 1, a = 1, b = 0: the identity
    >>> [value.round(decimals=4) for value in sigmoidal_step(torch.tensor([2.0]), raw)]
    [tensor([2.]), tensor([0.])]
    """
    step: tuple[Tensor, Tensor] = _SigmoidalStep.apply(zeta, raw)  # type: ignore[no-untyped-call]
    return step


class _SigmoidalStep(torch.autograd.Function):
    """`sigmoidal_step`, its backward pass written out: left to autograd it takes twice the time and memory.

    With p_k = a_k ζ + b_k: t = log f − log g and log |dt / dζ| = log s − log f − log g, where f = Σ_k w_k σ(p_k),
    g = Σ_k w_k σ(−p_k) and s = Σ_k w_k a_k σ(p_k) σ(−p_k). Where a sum would underflow, all its sigmoids are those of
    arguments shifted up by c, and c is taken off its logarithm: far out σ is a power of e, and σ(p + c) = e^c σ(p). The
    weights and slopes are at least 1e-10, so that no sum underflows where the unit with all the weight lies far out.
    """

    @staticmethod
    def forward(ctx: Any, zeta: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return both outputs, and keep what the backward pass takes up."""
        raw_a, b, raw_w = raw.chunk(3)
        a, w = softplus(raw_a).clamp_(min=LEAST), raw_w.softmax(0).clamp_(min=LEAST)
        pre = torch.addcmul(b, a, zeta)
        distance = pre.abs()
        shift_f = (pre.amax(0) + FAR).clamp_(max=0)
        shift_g = (FAR - pre.amin(0)).clamp_(max=0)
        shift_s = (FAR - distance.amin(0)).clamp_(max=0)
        below = (pre - shift_f).sigmoid_()
        of_f = w * below
        of_g = pre.add_(shift_g).neg_().sigmoid_().mul_(w)
        of_slope = (distance + shift_s).neg_().sigmoid_().mul_(distance.sigmoid_()).mul_(w)
        f, g, s = of_f.sum(0), of_g.sum(0), torch.mul(of_slope, a, out=distance).sum(0)
        ctx.save_for_backward(zeta, a, w, below, of_f, of_g, of_slope, f, g, s, shift_f, shift_g, shift_s)
        log_f, log_g = f.log() + shift_f, g.log() + shift_g
        return log_f - log_g, s.log() + shift_s - log_f - log_g

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of ζ and of the raw numbers."""
        zeta, a, w, below, of_f, of_g, of_slope, f, g, s, shift_f, shift_g, shift_s = ctx.saved_tensors
        grad_t, grad_log_slope = grads
        to_f, to_g, to_s = (grad_t - grad_log_slope) / f, (-grad_t - grad_log_slope) / g, grad_log_slope / s
        both = to_f * (shift_s - shift_f).exp() - to_g * (shift_s - shift_g).exp()
        grad_raw = torch.empty((3 * len(a), *a.shape[1:]), dtype=a.dtype, device=a.device)
        grad_a, grad_pre, grad_w = grad_raw.chunk(3)
        share = of_slope * to_s
        torch.mul(share, a, out=grad_w)
        torch.mul(of_slope, both, out=grad_pre)
        grad_pre.add_(grad_w).addcmul_(grad_w, below, value=-2)  # σ(-p) - σ(p) = 1 - 2 σ(p)
        grad_w.addcmul_(of_f, to_f).addcmul_(of_g, to_g).addcmul_(w, grad_log_slope)
        torch.addcmul(share, grad_pre, zeta, out=grad_a)
        grad_zeta = torch.mul(grad_pre, a, out=share).sum(0).sum_to_size(zeta.shape)
        grad_a.mul_(torch.neg(a, out=share).expm1_().neg_())  # the derivative of softplus is 1 - e^-a
        return grad_zeta, grad_raw
