"""The embedded data set: scenes of one to four handwritten digits, made from scikit-learn's `load_digits`.

It needs no download, trains in seconds, and has what multi-label sets have: a long tail, correlated labels
and samples that are hard to tell. The commonest digit is 0, in almost half of the scenes; the rarest is 9, in
3 to 4 % of them. Digits like company of their own look: once a digit is in a scene, the weight of the others
in its company, in drawing the next one, is four times what it was. The companies are the closed loops (0, 6,
8, 9), the straight strokes (1, 4, 7) and the open curves (2, 3, 5).

Every scene is put together from the same 1797 source images, so that one handwritten digit, at another place
and under other noise, can appear in several scenes and on both sides of a split.

Shape suffixes: N samples, L labels, S source images, H height, W width.
"""

import numpy as np
import numpy.typing as npt

from batchsift.data.dataset import MultiLabelData

COMPANIES = ((0, 6, 8, 9), (1, 4, 7), (2, 3, 5))
COMPANY_AFFINITY = 4.0
DECAY = 0.68  # of the frequency from one digit to the next
COUNT_PROBABILITIES = (0.4, 0.35, 0.2, 0.05)  # of one, two, three and four digits in a scene
GLYPH = 8  # height and width of a source image
CELL = 9  # each digit has a cell of its own, in which it may stand anywhere
SIZE = 2 * CELL


def digits(num_samples: int = 2400, *, noise: float = 0.1, seed: int = 0) -> MultiLabelData:
    """Compose the scenes.

    A scene is 18 x 18 pixels, four cells of 9 x 9; each of its one to four different digits stands somewhere
    in a cell of its own. Label j is set where digit j is in the scene.

    Args:
        num_samples: N, at least 1.
        noise: The standard deviation of the Gaussian noise on every pixel, whose ink is in [0, 1]; at least 0.
        seed: The seed: the same seed gives the same scenes; the first scenes of a longer set are other scenes.

    Returns:
        N samples of 324 features (the pixels, row by row) and 10 labels "0" to "9", with `images` of shape
        `(N, 1, 18, 18)`. Every sample has at least one label.

    Raises:
        ValueError: If `num_samples` is below 1 or `noise` is negative.

    >>> data = digits(50, seed=3)
    >>> data.features.shape, data.labels.shape, data.images.shape
    ((50, 324), (50, 10), (50, 1, 18, 18))
    """
    if num_samples < 1:
        raise ValueError(f"num_samples is {num_samples}; expected 1 or more")
    if noise < 0:
        raise ValueError(f"noise is {noise}; expected a standard deviation of 0 or more")
    rng = np.random.default_rng(seed)
    members_N4 = _draw_members(num_samples, rng)
    scenes_NHW = _compose(members_N4, rng)
    scenes_NHW += noise * rng.standard_normal(scenes_NHW.shape)
    labels_NL = (members_N4[:, :, None] == np.arange(10)).any(axis=1)
    return MultiLabelData(
        features=scenes_NHW.reshape(num_samples, -1),
        labels=labels_NL.astype(np.uint8),
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(SIZE) for column in range(SIZE)),
        label_names=tuple(str(digit) for digit in range(10)),
        name="digits",
        images=scenes_NHW[:, None].astype(np.float32),
    )


def _pairwise_affinity() -> npt.NDArray[np.float64]:
    """Return how much likelier digit j is once digit i is in the scene; no digit comes twice."""
    affinity_LL = np.ones((10, 10))
    for company in COMPANIES:
        affinity_LL[np.ix_(company, company)] = COMPANY_AFFINITY
    np.fill_diagonal(affinity_LL, 0.0)
    return affinity_LL


def _draw_members(num_samples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw which digits are in each scene: `(N, 4)`, -1 where there are fewer than four."""
    affinity_LL = _pairwise_affinity()
    weights_NL = np.tile(DECAY ** np.arange(10), (num_samples, 1))
    members_N4 = np.empty((num_samples, len(COUNT_PROBABILITIES)), dtype=np.int64)
    for place in range(len(COUNT_PROBABILITIES)):
        cumulative_NL = np.cumsum(weights_NL, axis=1)
        thresholds_N = rng.random(num_samples) * cumulative_NL[:, -1]
        drawn_N = (cumulative_NL <= thresholds_N[:, None]).sum(axis=1)
        members_N4[:, place] = drawn_N
        weights_NL *= affinity_LL[drawn_N]
    counts_N = rng.choice(np.arange(1, 5), size=num_samples, p=COUNT_PROBABILITIES)
    members_N4[np.arange(4) >= counts_N[:, None]] = -1
    return members_N4


def _compose(members_N4: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Put one source image of each member into a cell of its own: `(N, H, W)`, ink in [0, 1]."""
    glyphs_SHW, first_of_L, number_of_L = _source_glyphs()
    num_samples = len(members_N4)
    cells_N4 = rng.permuted(np.tile(np.arange(4), (num_samples, 1)), axis=1)
    shifts_N42 = rng.integers(0, CELL - GLYPH + 1, size=(num_samples, 4, 2))
    picks_N4 = rng.random((num_samples, 4))

    sample_M, place_M = np.nonzero(members_N4 >= 0)
    digit_M = members_N4[sample_M, place_M]
    source_M = first_of_L[digit_M] + (picks_N4[sample_M, place_M] * number_of_L[digit_M]).astype(np.int64)
    cell_M = cells_N4[sample_M, place_M]
    top_M = CELL * (cell_M // 2) + shifts_N42[sample_M, place_M, 0]
    left_M = CELL * (cell_M % 2) + shifts_N42[sample_M, place_M, 1]

    scenes_NHW = np.zeros((num_samples, SIZE, SIZE))
    span = np.arange(GLYPH)
    rows = top_M[:, None, None] + span[:, None]
    columns = left_M[:, None, None] + span
    scenes_NHW[sample_M[:, None, None], rows, columns] = glyphs_SHW[source_M]
    return scenes_NHW


def _source_glyphs() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the source images in the order of their digits, with each digit's first row and number of rows."""
    from sklearn.datasets import load_digits  # noqa: PLC0415

    source = load_digits()
    order = np.argsort(source.target, kind="stable")
    number_of_L = np.bincount(source.target, minlength=10)
    first_of_L = np.cumsum(number_of_L) - number_of_L
    return source.images[order] / 16.0, first_of_L, number_of_L
