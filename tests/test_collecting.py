import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

import batchsift as bs

LABELS = torch.randint(2, (150, 3), generator=torch.Generator().manual_seed(0))


class Mappings(Dataset):
    def __init__(self, key):
        self.key = key

    def __getitem__(self, index):
        return {"x": index, self.key: LABELS[index].tolist()}

    def __len__(self):
        return len(LABELS)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(())


def second_to_last(sample):
    return sample[-2]


@pytest.mark.parametrize("workers", [0, 2])
def test_order_is_kept(workers):
    dataset = TensorDataset(torch.arange(150), LABELS)
    assert torch.equal(bs.collect_labels(dataset, num_workers=workers), LABELS)


@pytest.mark.parametrize("key", ["labels", "label", "targets", "target", "y"])
def test_mappings(key):
    assert torch.equal(bs.collect_labels(Mappings(key)), LABELS)


def test_other_places():
    dataset = TensorDataset(torch.arange(150), LABELS, torch.arange(150))
    assert torch.equal(bs.collect_labels(dataset, labels_of=second_to_last), LABELS)


def test_what_is_collected_serves_a_selector():
    selector = bs.Selector(bs.collect_labels(Mappings("labels")), method="random", batch_size=10)
    selector.observe([3], torch.zeros(1, 3), LABELS[3:4], in_plan=False)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (Stream(), TypeError, "__getitem__"),
        (Mappings("classes"), TypeError, "keys x, classes.*labels_of"),
        (TensorDataset(torch.arange(3)), TypeError, "labels_of"),
        ([1, 2], TypeError, "a sample is a int"),
        ([], ValueError, "empty"),
        ([(0, [1, 0]), (0, [1])], ValueError, "one shape"),
        ([(0, 1), (0, 3)], ValueError, "class indices"),
    ],
)
def test_what_cannot_be_collected_is_said(dataset, error, message):
    with pytest.raises(error, match=message):
        bs.collect_labels(dataset)
