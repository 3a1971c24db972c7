"""A trained model, from the folder of its training."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchsift.training.model import TrainedModel


def load_model(run: str | os.PathLike[str]) -> "TrainedModel":
    """Load the model that `batchsift train` or `batchsift.train` left.

    Args:
        run: The folder of the training, or a `model.pt` by itself.

    Returns:
        The model: `predict_proba(data)`, `predict(data, thresholds=...)`, `label_names`, `feature_names`, and of what
        lies beside it, `summary` and `suspects`.

    Raises:
        FileNotFoundError: Where there is no such folder or file.
        ValueError: Where the training is not finished, or the file is damaged or of another kind or version.
    """
    from batchsift.training import folder

    return folder.load_model(run)
