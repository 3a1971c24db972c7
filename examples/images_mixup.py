"""Mixup and a moving average of the weights: the selector sees predictions of the pictures themselves.

python examples/images_mixup.py

The logits of mixed pictures say little of the samples they were mixed of. So every picture is read once and looked at
twice: augmented and mixed for the step, as it is for the selector, by the averaged weights. Price: one more forward
pass without gradients for each batch, about a third of the training.
"""

import torch
from torch.utils.data import DataLoader

import batchsift as bs
from batchsift.data.images import EvaluationTransform, ImageArrays, ImageData, ImageDataset, TrainTransform

EPOCHS, SIZE = 3, 18
torch.manual_seed(0)
digits = bs.data.load("digits")
pixels = (digits.images[:600, 0].clip(0, 1) * 255).astype("uint8")
data = ImageData(ImageArrays(pixels), digits.labels[:600], digits.label_names)

augment, plain = TrainTransform(SIZE, scale=(0.85, 1), flip=0), EvaluationTransform(SIZE)
dataset = ImageDataset(data, lambda picture: (augment(picture), plain(picture)), seed=0)
selector = bs.Selector(data.labels, method="uncertainty", batch_size=32, epochs=EPOCHS, seed=0)
loader = DataLoader(bs.WithIndices(dataset), batch_size=32, sampler=selector)
model = bs.models.images.build("resnet-small", data.num_labels)
average = bs.models.images.averaged(model)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(EPOCHS):
    dataset.set_epoch(epoch)
    for indices, ((pictures, as_they_are), targets) in loader:
        with torch.no_grad():
            clean = average.eval()(as_they_are)
        share = float(torch.distributions.Beta(0.4, 0.4).sample())
        others = torch.randperm(len(pictures))
        mixed = share * pictures + (1 - share) * pictures[others]
        loss, _ = model.training_loss(mixed, share * targets + (1 - share) * targets[others])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        selector.observe(indices, clean)  # without targets: those of the step were mixed
    selector.end_epoch()
    print(
        f"epoch {epoch + 1}: loss {float(loss.detach()):.3f}, {selector.summary()['share_drawn']:.0%} of samples drawn"
    )
