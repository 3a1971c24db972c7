"""Multi-label data sets of OpenML, through scikit-learn, which checks OpenML's checksum of each file.

The labels are what OpenML calls the default targets: several of them, each with the values TRUE/FALSE or 1/0.
"""

import warnings
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import numpy as np
import numpy.typing as npt

from batchsift.data.catalog.download import DownloadError, storage_explained
from batchsift.data.catalog.files import Notice, cache_folder, is_offline, openml_marker, say
from batchsift.data.dataset import MultiLabelData

if TYPE_CHECKING:
    import pandas as pd

_YES = frozenset({"true", "1", "1.0", "yes", "y"})
_NO = frozenset({"false", "0", "0.0", "no", "n"})


def read(data_id: int, *, name: str, offline: bool | None = None, notice: Notice = say) -> tuple[MultiLabelData, int]:
    """Load a data set of OpenML from the cache, downloading it first if needed.

    Args:
        data_id: The number in its address, https://www.openml.org/d/<data_id>.
        name: What to call it.
        offline: Refuse to download; None asks the environment variable BATCHSIFT_OFFLINE.
        notice: Takes a line for the user when something is downloaded.

    Returns:
        The data set, and the number of its feature attributes: a nominal one becomes several columns.

    Raises:
        DownloadError: It cannot be had or stored.
        ValueError: It has a single target, or targets that are not yes or no.
    """
    from sklearn.datasets import fetch_openml  # noqa: PLC0415 (slow to import)

    folder, marker = cache_folder(), openml_marker(data_id)
    if not marker.is_file():
        if is_offline(offline):
            raise DownloadError(
                f"{name} (OpenML {data_id}) is not in the cache {folder} and downloads are switched off "
                f"(BATCHSIFT_OFFLINE, offline=True). Run `batchsift datasets fetch {name}` where there is a network"
            )
        notice(f"downloading {name} from OpenML ({data_id}) to {folder}")
    with storage_explained(folder), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A network error occurred", category=UserWarning)
        try:
            # The other parser, pandas, takes the values TRUE and FALSE for something else than the text they are.
            bunch = fetch_openml(data_id=data_id, data_home=str(folder), as_frame=True, parser="liac-arff")
        except HTTPError as error:
            raise DownloadError(f"OpenML answers {error.code} {error.reason} for {error.url}") from error
        except (URLError, TimeoutError) as error:
            raise DownloadError(
                f"OpenML cannot be reached for the data set {data_id}: {error}. Is there an internet connection "
                "(HTTP_PROXY, HTTPS_PROXY)?"
            ) from error
        except ValueError as error:  # no such data set, a wrong checksum, sparse data
            raise DownloadError(f"OpenML's data set {data_id} cannot be used: {error}") from error
        marker.touch()
    return _converted(bunch, name), len(bunch.feature_names)


def _converted(bunch: Any, name: str) -> MultiLabelData:
    if len(bunch.target_names) < 2:
        raise ValueError(
            f"{name} has the target {bunch.target_names} at OpenML; expected two or more: it is not multi-label"
        )
    labels = np.column_stack([_label(bunch.target[column], name) for column in bunch.target])
    columns = [column for attribute in bunch.data for column in _feature(bunch.data[attribute])]
    features, feature_names = np.column_stack([cells for _, cells in columns]), [each for each, _ in columns]
    return MultiLabelData(features, labels, tuple(feature_names), tuple(bunch.target_names), name)


def _feature(values: "pd.Series[Any]") -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Return numbers as they are, yes and no as one 0/1 column, other nominal values as one 0/1 column for each."""
    import pandas as pd  # noqa: PLC0415

    name = str(values.name)
    if pd.api.types.is_numeric_dtype(values):
        return [(name, values.to_numpy(dtype=np.float64, na_value=np.nan))]
    categories = values.astype("category").cat.categories
    if {str(each).strip().casefold() for each in categories} <= _YES | _NO:
        return [(name, _yes_or_no(values))]
    missing = values.isna().to_numpy()
    return [
        (f"{name}={each}", np.where(missing, np.nan, (values == each).to_numpy(dtype=np.float64)))
        for each in categories
    ]


def _label(values: "pd.Series[Any]", name: str) -> npt.NDArray[np.float64]:
    words = {str(each).strip().casefold() for each in values.dropna().unique()}
    if not words <= _YES | _NO:
        raise ValueError(f"the label {values.name!r} of {name} has the values {sorted(words)}; expected yes and no")
    return _yes_or_no(values)


def _yes_or_no(values: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    cells = values.astype(object)
    written = cells.map(lambda each: str(each).strip().casefold())
    return np.where(cells.isna(), np.nan, written.isin(_YES)).astype(np.float64)
