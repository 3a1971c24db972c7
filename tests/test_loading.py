import pickle

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import batchsift as bs


class Mappings(Dataset):
    def __getitem__(self, index):
        return {"x": index * 10}

    def __len__(self):
        return 4


class Batched(Mappings):
    def __getitems__(self, indices):
        self.asked = list(indices)
        return [{"x": index * 10} for index in indices]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(3))


def total(samples):
    return sum(int(x) for (x,) in samples)


def collect(samples):
    return {"x": torch.tensor([sample["x"] for sample in samples])}


def test_tuple_samples_come_with_their_index():
    dataset = bs.WithIndices(TensorDataset(torch.arange(4) * 10, torch.arange(4)))
    indices, (x, y) = next(iter(DataLoader(dataset, batch_size=2, sampler=[2, 0])))
    assert (indices.tolist(), x.tolist(), y.tolist()) == ([2, 0], [20, 0], [2, 0])
    assert len(dataset) == 4


def test_mapping_samples_gain_a_key():
    batch = next(iter(DataLoader(bs.WithIndices(Mappings()), batch_size=2, sampler=[3, 1])))
    assert {key: value.tolist() for key, value in batch.items()} == {"x": [30, 10], "sample_index": [3, 1]}


def test_whole_batches_are_fetched_at_once_where_the_data_set_can():
    inner = Batched()
    batch = next(iter(DataLoader(bs.WithIndices(inner), batch_size=2, sampler=[3, 1])))
    assert inner.asked == [3, 1]
    assert batch["sample_index"].tolist() == [3, 1]


def test_user_collate_sees_its_own_samples():
    collate = pickle.loads(pickle.dumps(bs.collate_with_indices(total)))
    dataset = bs.WithIndices(TensorDataset(torch.arange(4)))
    indices, result = next(iter(DataLoader(dataset, batch_size=3, sampler=[3, 0, 1], collate_fn=collate)))
    assert (indices.tolist(), result) == ([3, 0, 1], 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_user_collate_of_mappings_gains_the_key(workers):
    loader = DataLoader(
        bs.WithIndices(Mappings()),
        batch_size=2,
        sampler=[3, 0],
        collate_fn=bs.collate_with_indices(collect),
        num_workers=workers,
    )
    batch = next(iter(loader))
    assert {key: value.tolist() for key, value in batch.items()} == {"x": [30, 0], "sample_index": [3, 0]}


def test_user_collate_may_turn_mappings_into_something_else():
    assert bs.collate_with_indices(len)([{"x": 1, "sample_index": 7}])[1] == 1


def test_a_stream_has_no_indices():
    with pytest.raises(TypeError, match="map-style"):
        bs.WithIndices(Stream())


def test_a_key_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="rename it"):
        bs.WithIndices([{"sample_index": 1}])[0]
