"""The embedded digits as pictures: how good the small residual network gets, and at what cost.

    python benchmarks/image_digits.py [--seeds 3] [--epochs 20] [--methods random d2ace balanced_pass] [--head linear]

Trained on the first 1920 scenes of 18 x 18 pixels, scored on the other 480 after every epoch; batches of 32, AdamW at a
learning rate of 3e-3 that rises over a fifth of the steps and falls to 0 (one cycle), one thread. The seconds are those
of the processor, for selection and training; scoring is not among them.
"""

import argparse
import statistics
import time

import torch
from torch.optim.lr_scheduler import OneCycleLR

import batchsift as bs
from batchsift.image_metrics import evaluate_images

TRAINED_ON, BATCH_SIZE, LEARNING_RATE, GOAL = 1920, 32, 3e-3, 0.9


def run(method, seed, epochs, head):
    """Return mAP after each epoch, and the processor seconds until then."""
    data = bs.data.load("digits")
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels).float()
    train, train_labels, test, test_labels = (
        part for rows in (slice(TRAINED_ON), slice(TRAINED_ON, None)) for part in (images[rows], labels[rows])
    )
    torch.manual_seed(seed)
    started, scores, seconds, scoring = time.process_time(), [], [], 0.0
    model = bs.models.images.build("resnet-small", data.num_labels, head=head, num_channels=1)
    features = data.features[:TRAINED_ON]
    selector = bs.Selector(
        train_labels, method=method, features=features, batch_size=BATCH_SIZE, epochs=epochs, seed=seed
    )
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    steps = epochs * (TRAINED_ON // BATCH_SIZE)
    schedule = OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.2)
    for _ in range(epochs):
        model.train()
        for indices in selector.batches():
            loss, logits = model.training_loss(train[indices], train_labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            selector.observe(indices, logits)
        selector.end_epoch()
        seconds.append(time.process_time() - started - scoring)
        with torch.no_grad():
            probs = model.eval()(test).sigmoid()
        scores.append(evaluate_images(probs, test_labels)["macro_auprc"])
        scoring = time.process_time() - started - seconds[-1]
    return scores, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--methods", nargs="+", default=["random", "d2ace", "balanced_pass"])
    parser.add_argument("--head", default="linear")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| method | mAP of each seed | epochs to {GOAL} | seconds to {GOAL} | seconds in all |")
    print("| --- | --- | --- | --- | --- |")
    for method in options.methods:
        runs = [run(method, seed, options.epochs, options.head) for seed in range(options.seeds)]
        reached = [next((e for e, score in enumerate(scores) if score >= GOAL), None) for scores, _ in runs]
        until = [seconds[e] for (_, seconds), e in zip(runs, reached, strict=True) if e is not None]
        cells = (
            method,
            ", ".join(f"{scores[-1]:.3f}" for scores, _ in runs),
            ", ".join("-" if e is None else str(e + 1) for e in reached),
            f"{statistics.median(until):.0f}" if until else "-",
            f"{statistics.median(seconds[-1] for _, seconds in runs):.0f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
