"""Which attributes are labels, which are features, and which are left out."""

import operator
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from batchsift.data.arff import keel
from batchsift.data.arff.header import Attribute, Header, Kind
from batchsift.data.readers.columns import chosen_columns, how_to_drop, is_identifier, true_at_ends
from batchsift.files import stem
from batchsift.messages import count_nouns, did_you_mean, first_few

_MEKA_LABELS = re.compile(r"(?:^|[\s:])-C\s+([+-]?[0-9]{1,9})(?!\S)")

Mask = npt.NDArray[np.bool_]


def find_dropped(path: Path, header: Header, drop: str | Sequence[str] | None) -> Mask:
    """Return the attributes that `drop` names; without it, those of type string or date."""
    if drop is None:
        return np.array([attribute.kind is Kind.TEXT for attribute in header.attributes])
    return _named(path, header, drop, "drop")


def find_labels(
    path: Path, header: Header, labels: int | None, label_columns: str | Sequence[str] | None, is_dropped_A: Mask
) -> Mask:
    """Return the attributes that are labels: those asked for, else those of the `.xml`, else those of MEKA's -C.

    Raises:
        ValueError: If nothing says which they are, or if no label, no feature or a text would be among them.
    """
    if labels is not None and label_columns is not None:
        raise ValueError(f"{path}: labels={labels} and label_columns={label_columns!r} came together; give one of them")
    if labels is not None:
        # A number from the user counts what is kept; -C counts all attributes, as MEKA does.
        is_label_A = _last(path, ~is_dropped_A, operator.index(labels), f"labels={labels}")
        _warn_of_contradiction(path, header, is_label_A, is_dropped_A)
        return is_label_A
    if label_columns is not None:
        is_label_A, source = _named(path, header, label_columns, "label_columns"), f"label_columns={label_columns!r}"
    else:
        is_label_A, source = _find_stated_labels(path, header)
    for attribute in _chosen(header, is_label_A):
        if attribute.kind is Kind.TEXT:
            raise ValueError(
                f"{path}, line {attribute.line}: the attribute {attribute.name!r} is of type string or date and, by "
                f"{source}, a label; expected labels of 0 and 1"
            )
    is_label_A &= ~is_dropped_A
    if not is_label_A.any() or (is_label_A | is_dropped_A).all():
        raise ValueError(f"{path}: drop and {source} leave no label or no feature; expected at least one of each")
    return is_label_A


def drop_identifiers(
    path: Path, header: Header, is_label_A: Mask, is_dropped_A: Mask, *, drop: str | Sequence[str] | None
) -> Mask:
    """Drop first and last features with names of identifiers too, and warn of all that `drop` does not name."""
    if drop is not None and not is_dropped_A.any():
        return is_dropped_A
    dropped = is_dropped_A.copy()
    features = np.flatnonzero(~is_label_A & ~is_dropped_A)
    flags = [
        is_identifier(feature.name) and len(feature.values) != 2 for feature in _chosen(header, ~is_label_A & ~dropped)
    ]
    dropped[features[true_at_ends(flags)]] = True
    unnamed = dropped if drop is None else dropped & ~is_dropped_A
    if unnamed.any():
        names, columns = [attribute.name for attribute in _chosen(header, unnamed)], [a.name for a in header.attributes]
        can_stay = not any(attribute.kind is Kind.TEXT for attribute in _chosen(header, dropped))
        warnings.warn(
            f"{path}: dropped {len(names)} attribute(s) that identify rows rather than describe them: "
            f"{first_few([repr(name) for name in names], shown=10)}; "
            + how_to_drop(names, columns, drop, can_stay=can_stay),
            UserWarning,
            stacklevel=3,
        )
    return dropped


def _chosen(header: Header, mask_A: Mask) -> list[Attribute]:
    return [header.attributes[position] for position in np.flatnonzero(mask_A)]


def _named(path: Path, header: Header, patterns: str | Sequence[str], option: str) -> Mask:
    try:
        return chosen_columns([attribute.name for attribute in header.attributes], patterns, option)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _find_stated_labels(path: Path, header: Header) -> tuple[Mask, str]:
    xml_path = _find_xml(path)
    if xml_path is not None:
        return _named_in_xml(path, header, xml_path), str(xml_path)
    if keel.OUTPUTS in header.roles:
        outputs = header.roles[keel.OUTPUTS]
        return np.array([attribute.name in outputs for attribute in header.attributes]), keel.OUTPUTS
    meka = _MEKA_LABELS.search(header.relation)
    if meka is None:
        raise ValueError(
            f"{path} does not say which of its {len(header.attributes)} attributes are labels: give their "
            f"number if they stand last (labels=N), or put Mulan's {stem(path)}.xml beside it, "
            "or MEKA's '-C N' into the relation's name"
        )
    count, source = int(meka[1]), f"the relation's -C {meka[1]}"
    all_A = np.ones(len(header.attributes), dtype=bool)
    if count < 0:
        return _last(path, all_A, -count, source), source
    return _last(path, all_A, count, source)[::-1], source


def _warn_of_contradiction(path: Path, header: Header, is_label_A: Mask, is_dropped_A: Mask) -> None:
    """Warn where the file or the `.xml` beside it names other labels than the last ones that were asked for."""
    try:
        is_stated_A, source = _find_stated_labels(path, header)
    except ValueError:  # nothing is stated, or nothing that could be understood
        return
    if not np.array_equal(is_stated_A & ~is_dropped_A, is_label_A):
        count = int(is_label_A.sum())
        warnings.warn(
            f"{path}: labels={count} takes the last {count_nouns(count, 'attribute')} as labels, but {source} names "
            f"{is_stated_A.sum()}{' others' if is_stated_A.sum() == count else ''}; leave labels= out to follow it",
            UserWarning,
            stacklevel=4,
        )


def _last(path: Path, kept_A: Mask, count: int, source: str) -> Mask:
    """Return the last `count` of the attributes that are kept."""
    positions = np.flatnonzero(kept_A)
    if not 1 <= count < len(positions):
        raise ValueError(
            f"{path}: {source} asks for {count_nouns(count, 'label')} among "
            f"{count_nouns(len(positions), 'attribute')}; expected at "
            "least one label and at least one feature"
        )
    mask_A = np.zeros(len(kept_A), dtype=bool)
    mask_A[positions[-count:]] = True
    return mask_A


def _find_xml(path: Path) -> Path | None:
    stems = (stem(path), re.sub(r"-(train|test)$", "", stem(path)))
    candidates = (path.with_name(f"{name}.xml") for name in stems)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _named_in_xml(path: Path, header: Header, xml_path: Path) -> Mask:
    label_names = _read_label_names(xml_path)
    names = [attribute.name for attribute in header.attributes]
    declared = set(names)
    # Some files keep the backslashes that the ARFF file needs before its quotes.
    label_names = list(dict.fromkeys(name if name in declared else name.replace("\\", "") for name in label_names))
    unknown = [name for name in label_names if name not in declared]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise ValueError(
            f"{path} has no attribute {unknown[0]!r}, one of {len(unknown)} label(s) in {xml_path} "
            f"that it does not declare{hint and f'; {hint}'}"
        )
    if len(label_names) == len(names):
        raise ValueError(
            f"{path}: {xml_path} makes labels of all {len(names)} attributes; expected at least one feature"
        )
    are_labels = set(label_names)
    return np.array([name in are_labels for name in names])


def _read_label_names(xml_path: Path) -> list[str]:
    try:
        elements = list(ET.parse(xml_path).iter())  # nosec B314 # expat limits entities and opens none from outside
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{xml_path} is not well-formed XML: {error}") from error
    # A hierarchy nests <label> in <label>; whichever namespace is declared stands in braces before the tag.
    names = [element.get("name", "") for element in elements if element.tag.rpartition("}")[2] == "label"]
    if not names or "" in names:
        raise ValueError(f'{xml_path} does not name the labels; expected <label name="..."> for each of them')
    return list(dict.fromkeys(names))
