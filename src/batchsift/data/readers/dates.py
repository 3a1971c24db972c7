"""Columns of dates: which they are, what order their numbers are in, and the features they become.

Dates are taken as they are written: a time zone is left out, so that 23:00 stays 23:00. Of 03/04/2021 nobody knows
whether it is a day in March or in April: where the other dates of the column do not tell, it is never guessed.

N rows.
"""

import datetime
import re
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.schema import DateOrder

DateFeatures = dict[str, npt.NDArray[np.float64]]
ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ENDS = ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember")
_MONTH = "|".join(f"{name}(?:{end})?" for name, end in zip(_MONTHS, _ENDS, strict=True))
_TEXT = re.compile(
    r"(?:(?P<year>\d{4})(?P<by>[-/.])(?P<month>\d{1,2})(?P=by)(?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<by2>[-/.])(?P<second>\d{1,2})(?P=by2)(?P<last_year>\d{4})"
    r"|(?P<named_day>\d{1,2})[-. /]+(?P<named_month>" + _MONTH + r")[-., /]+(?P<named_year>\d{4})"
    r"|(?P<month_named>" + _MONTH + r")[. ]+(?P<day_named>\d{1,2}),? +(?P<year_named>\d{4}))"
    r"(?:(?:T| +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second_of>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<half>[AaPp][Mm])?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)?",
    re.IGNORECASE,
)
_Times = npt.NDArray[np.datetime64]


class AmbiguousDatesError(ValueError):
    """Dates of which nobody can say what number is the day: the message has one of them in both readings."""


class NoDateError(ValueError):
    """A value that is no date.

    Attributes:
        row: Its position, from 0.
    """

    def __init__(self, row: int, value: Any) -> None:
        super().__init__(f"{value!r} is no date")
        self.row = row


def are_dates(column: pd.Series) -> bool:
    """Return whether a column holds dates: as such, or most of its texts read like some."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or isinstance(column.dtype, pd.PeriodDtype):
        return True
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    present = column.dropna()
    if not len(present):
        return False
    if isinstance(present.iloc[0], datetime.date):
        return all(isinstance(value, datetime.date) for value in present)
    is_text = isinstance(present.iloc[0], str) and all(isinstance(value, str) for value in present)
    if not is_text or not any(_TEXT.fullmatch(value.strip()) for value in present.iloc[:100]):
        return False
    return sum(_TEXT.fullmatch(value.strip()) is not None for value in present) * 2 > len(present)


def times_of(column: pd.Series, order: DateOrder | None = None) -> tuple[_Times, DateOrder | None]:
    """Return the dates of a column, and what order their numbers are in.

    Args:
        column: N dates, or texts of dates.
        order: What order the numbers of dates such as 03/04/2021 are in; None: the one in which all of them are dates.

    Returns:
        `(N,)` of datetime64[us], NaT where missing; and the order, None where all dates begin with the year.

    Raises:
        NoDateError: A value is none.
        AmbiguousDatesError: `order` is None, and the dates do not tell.

    >>> times_of(pd.Series(["31/12/2020", "03/04/2021"]))[0].astype("datetime64[D]").tolist()
    [datetime.date(2020, 12, 31), datetime.date(2021, 4, 3)]
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if isinstance(column.dtype, (np.dtype, pd.DatetimeTZDtype)) and pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.dt.tz_localize(None).to_numpy(dtype="datetime64[us]"), None
    codes_N, found = pd.factorize(column.astype(object).to_numpy())
    values: list[Any] = list(found)
    if all(isinstance(value, datetime.date) for value in values):
        return _at(codes_N, [_without_zone(value) for value in values]), None
    matches = [_TEXT.fullmatch(value.strip()) if isinstance(value, str) else None for value in values]
    if not any(match is not None and match["first"] for match in matches):
        return _at(codes_N, _all_read(codes_N, values, matches, ORDERS[0])), None
    if order is not None:
        return _at(codes_N, _all_read(codes_N, values, matches, order)), order
    readings: dict[DateOrder, list[datetime.datetime]] = {}
    failure: NoDateError | None = None
    for each in ORDERS:
        try:
            readings[each] = _all_read(codes_N, values, matches, each)
        except NoDateError as error:
            failure = failure if failure is not None and failure.row >= error.row else error
    if not readings and failure is not None:
        raise failure
    if len(readings) > 1:
        for value, *both in zip(values, *readings.values(), strict=True):
            if both[0] != both[1]:
                first, second = (f"{reading:%Y-%m-%d}" for reading in both)
                raise AmbiguousDatesError(f"{value!r} may be {first} or {second}")
    chosen = next(iter(readings))
    return _at(codes_N, readings[chosen]), chosen


def features_of_dates(times_N: _Times) -> DateFeatures:
    """Return what a model can use of dates, `(N,)` each, NaN where missing.

    Returns:
        `ordinal`: days since 1970-01-01. `month`: 1 to 12. `weekday`: 0 (Monday) to 6. `hour`: the time of day in
        hours, in [0, 24).

    >>> [values.tolist() for values in features_of_dates(np.array(["1970-02-01T06:30"], "datetime64[us]")).values()]
    [[31.0], [2.0], [6.0], [6.5]]
    """
    is_missing_N = np.isnat(times_N)
    days_N = times_N.astype("datetime64[D]")
    number_N = days_N.astype(np.int64)
    features = {
        "ordinal": number_N,
        "month": times_N.astype("datetime64[M]").astype(np.int64) % 12 + 1,
        "weekday": (number_N + 3) % 7,
        "hour": (times_N - days_N) / np.timedelta64(1, "h"),
    }
    return {name: np.where(is_missing_N, np.nan, values_N) for name, values_N in features.items()}


def parts_of(times_N: _Times) -> tuple[str, ...]:
    """Return which of these features dates have: the hour only where one of them has a time of day."""
    features = features_of_dates(times_N)
    return tuple(name for name, values_N in features.items() if name != "hour" or np.nan_to_num(values_N).any())


def _at(codes_N: npt.NDArray[np.int64], times: Sequence[datetime.datetime]) -> _Times:
    """Return the dates of all rows; the code of a missing one is -1, the last."""
    return np.array([*times, np.datetime64("NaT")], dtype="datetime64[us]")[codes_N]


def _without_zone(value: datetime.date) -> datetime.datetime:
    if not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return datetime.datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    )


def _all_read(
    codes_N: npt.NDArray[np.int64],
    values: Sequence[Any],
    matches: Sequence[re.Match[str] | None],
    order: DateOrder,
) -> list[datetime.datetime]:
    read = [None if match is None else _read(match, order) for match in matches]
    times = [time for time in read if time is not None]
    if len(times) < len(read):
        code = read.index(None)
        raise NoDateError(int((codes_N == code).argmax()), values[code])
    return times


def _read(match: re.Match[str], order: DateOrder) -> datetime.datetime | None:
    """Return the date that a text says; None where there is no such day or time."""
    name = match["named_month"] or match["month_named"]
    if match["year"]:
        year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    elif name:
        month = _MONTHS.index(name[:3].lower()) + 1
        year, day = int(match["named_year"] or match["year_named"]), int(match["named_day"] or match["day_named"])
    else:
        first, second = int(match["first"]), int(match["second"])
        year, (day, month) = int(match["last_year"]), (first, second) if order == "day-first" else (second, first)
    hour = int(match["hour"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
    try:
        return datetime.datetime(
            year, month, day, hour, int(match["minute"] or 0), int(match["second_of"] or 0), fraction
        )
    except ValueError:
        return None
