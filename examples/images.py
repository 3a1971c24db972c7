"""A folder of pictures and a CSV to a trained model, and to a table of predictions.

python examples/images.py [FOLDER]  # with labels.csv in it; without one, pictures are made
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import batchsift as bs


def make_pictures(folder):
    """Draw red and green squares: none, one or both in a picture."""
    rng, rows = np.random.default_rng(0), ["file,red,green"]
    for number in range(200):
        red, green = rng.integers(0, 2, 2)
        pixels = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
        for channel, is_there in enumerate((red, green)):
            x, y = rng.integers(0, 16, 2)
            pixels[y : y + 14, x : x + 14, channel] += 150 * is_there.astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
        rows.append(f"{number}.jpg,{red},{green}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else make_pictures(Path(tempfile.mkdtemp()))
data = bs.data.load(folder)
model = bs.train(data, model="resnet-small", method="d2ace", size=32, epochs=6, workers=2, min_positives=5)
best = model.summary["epochs"][model.summary["best_epoch"]]["validation"]
print(f"{data.num_samples} pictures, {data.num_labels} labels: validation mAP {best['macro_auprc']:.2f}")
print(model.predict(data.select(rows=range(3)), thresholds="f1").tolist(), model.label_names)
