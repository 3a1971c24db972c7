"""A training epoch of CLIF on yeast and of DELA on CAL500, against the same equations written out the plain way.

    BATCHSIFT_DATA=FOLDER python benchmarks/model_speed.py [--rounds 7] [--threads 1]

The plain twins below hold every tensor of the equations whole: (B, L, h) in CLIF and (B, L, D + d) in DELA, the
classifiers as a convolution with one group a label, the KL term for every instance and label. They take the weights and
the draws of the model they stand beside, and the losses, logits and gradients of both must agree before anything is
timed. An epoch is a pass over the training part of fold 1 in batches of 128 with Adam; the two alternate, and what is
reported are medians and their ratio. DELA's twin is also timed without the logits of the prediction, which a selector
needs and the loss does not.
"""

import argparse
import copy
import os
import statistics
import time
from pathlib import Path

import torch
from torch.nn.functional import (
    batch_norm,
    binary_cross_entropy_with_logits,
    conv1d,
    leaky_relu,
    linear,
    logsigmoid,
    relu,
)

from batchsift import data as datasets
from batchsift import models
from batchsift.training.parts import scale_parts
from batchsift.training.prepare import prepare
from batchsift.training.presets import PAPER
from batchsift.training.settings import Settings

BATCH_SIZE = 128


def grouped_classifier(classifier, specific_BLh):
    """Return the logits by a convolution with L groups whose kernel is as long as the features."""
    kernels_L1h = classifier.weight[:, None]
    return conv1d(specific_BLh, kernels_L1h, classifier.bias, groups=len(kernels_L1h)).flatten(1)


def plain_clif(model, x, y):
    """Return loss and logits of CLIF."""
    graph, nodes = model.graph_LL, model.node_inputs_LL
    for layer in model.graph_layers:
        out = (1 + layer.self_weight) * nodes + graph @ nodes
        for part, norm in zip(layer.layers, layer.norms, strict=True):
            out = leaky_relu(batch_norm(part(out), None, None, norm.weight, norm.bias, training=True), 0.1)
        nodes = out + nodes if out.shape == nodes.shape else out
    gates_Lh = torch.sigmoid(model.gate(nodes))
    features_Bh = x
    for part in model.features.layers:
        features_Bh = leaky_relu(part(features_Bh), 0.1)
    gated_BLh = features_Bh[:, None] * gates_Lh[None]
    logits = grouped_classifier(model.classifier, leaky_relu(model.specific(gated_BLh), 0.1))
    unit = nodes / (nodes.norm(dim=1, keepdim=True) + 1e-6)
    target = graph + torch.eye(len(graph))
    link = ((target - unit @ unit.T) ** 2).mean()
    return binary_cross_entropy_with_logits(logits, y) + model.settings.graph_weight * link, logits


def plain_dela(model, x, y, *, predict=True):
    """Return the loss of DELA and the logits of its prediction."""
    options, num_labels = model.settings, y.shape[1]

    def decoded(z_BLd):
        x_BLD = x[:, None].expand(-1, num_labels, -1)
        hidden = relu(model.decoder_input(torch.cat([x_BLD, z_BLd], dim=2)))
        return grouped_classifier(model.classifier, relu(model.decoder_hidden(hidden)))

    encoded = x
    for part in model.encoder.layers:
        encoded = relu(part(encoded))
    z_Bd, v_Bd = model.heads.mean(encoded), model.heads.log_variance(encoded).clamp(-10, 10)
    alpha_Ld = linear(model.gate_codes, model.gate_scale.weight, model.gate_scale.bias)
    u_Ld = torch.rand_like(alpha_Ld).clamp(torch.finfo(torch.float32).eps, 1 - torch.finfo(torch.float32).eps)
    relaxed_Ld = torch.sigmoid((u_Ld.log() - (1 - u_Ld).log() + alpha_Ld) / options.temperature)
    hard_Ld = (relaxed_Ld > 0.5).float().clamp(min=options.gate_floor)
    gates_Ld = hard_Ld + relaxed_Ld - relaxed_Ld.detach()
    noise_Bd = (v_Bd / 2).exp() * torch.randn_like(z_Bd)
    noisy_BL = decoded(z_Bd[:, None] + gates_Ld[None] * noise_Bd[:, None])
    classification = -(y * logsigmoid(noisy_BL) + (1 - y) * logsigmoid(-noisy_BL)).sum(1).mean()
    v, m = v_Bd[:, None], gates_Ld[None]
    bracket_BLd = -v - 2 * (m + 1e-6).log() - 1 + m**2 * v.exp() + z_Bd[:, None] ** 2
    loss = classification + options.kl_weight * 0.5 * bracket_BLd.sum(2).mean()
    if not predict:
        return loss, noisy_BL
    with torch.no_grad():
        return loss, decoded(z_Bd[:, None].expand(-1, num_labels, -1))


def ours(model, x, y):
    """Return loss and logits as batchsift computes them."""
    return model.training_loss(x, y)


def plain_dela_without_prediction(model, x, y):
    """Return the loss of DELA and the logits under noise, which the loss is made of."""
    return plain_dela(model, x, y, predict=False)


CASES = {
    "clif": ("yeast", {"plain": plain_clif}),
    "dela": ("cal500", {"plain": plain_dela, "plain, without the selector's logits": plain_dela_without_prediction}),
}


def check(model, plain, x, y, *, logits):
    """Check that losses, logits and gradients of the two agree under the same draws."""
    outcomes = []
    for function in (ours, plain):
        torch.manual_seed(0)
        loss, scores = function(model, x, y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        outcomes.append([loss, *gradients, *([scores] if logits else [])])
    torch.testing.assert_close(*outcomes, rtol=1e-3, atol=1e-5)


def time_epoch(function, model, optimizer, train):
    """Train for an epoch; return its processor seconds."""
    start = time.process_time()
    for rows in torch.randperm(len(train.labels)).split(BATCH_SIZE):
        loss, _ = function(model, train.features[rows], train.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.process_time() - start


def measure(name, rounds):
    """Return processor seconds of an epoch by form, one number for each round."""
    data, plain_forms = CASES[name]
    prepared = prepare(datasets.load(Path(os.environ["BATCHSIFT_DATA"]) / f"{data}.arff"), Settings(**PAPER))
    train = scale_parts(prepared.data, prepared.splits[0], prepared.settings).train
    torch.manual_seed(0)
    model = models.build(name, *train.widths)
    model.prepare(train.features, train.labels)
    for form, plain in plain_forms.items():
        check(model, plain, train.features[:BATCH_SIZE], train.labels[:BATCH_SIZE], logits=form == "plain")
    forms = {"batchsift": ours, **plain_forms}
    models_of = {form: copy.deepcopy(model) for form in forms}
    optimizers = {form: torch.optim.Adam(one.parameters(), lr=1e-3, fused=True) for form, one in models_of.items()}
    seconds = {form: [] for form in forms}
    for _ in range(rounds + 1):
        for form, function in forms.items():
            seconds[form].append(time_epoch(function, models_of[form], optimizers[form], train))
    return {form: times[1:] for form, times in seconds.items()}  # the first round warms up


def main():
    parser = argparse.ArgumentParser(description="Training epochs against plainly written twins.")
    parser.add_argument("models", nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| model | data | form | processor seconds of an epoch, median | times ours |")
    print("| --- | --- | --- | --- | --- |")
    for name in arguments.models:
        seconds = {form: statistics.median(times) for form, times in measure(name, arguments.rounds).items()}
        for form, median in seconds.items():
            print(f"| {name} | {CASES[name][0]} | {form} | {median:.2f} | {median / seconds['batchsift']:.2f} |")


if __name__ == "__main__":
    main()
