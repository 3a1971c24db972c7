import itertools
import json

import pytest
import torch

import batchsift as bs

N, L = 40, 3
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()


def build(method="uncertainty", **options):
    return bs.Selector(LABELS, method=method, batch_size=8, epochs=5, seed=2, **options)


def observe(selector, blocks):
    for indices in blocks:
        selector.observe(indices, torch.sin(indices[:, None] * torch.arange(1.0, L + 1)))


def trained(selector):
    """An epoch, and two blocks of the next."""
    observe(selector, selector.batches())
    selector.end_epoch()
    observe(selector, itertools.islice(selector.batches(), 2))
    return selector


def assert_same(one, other):
    states = one.state_dict(), other.state_dict()
    assert json.dumps(states[0], default=torch.Tensor.tolist) == json.dumps(states[1], default=torch.Tensor.tolist)


@pytest.mark.parametrize("method", bs.methods.names())
def test_a_folder_is_the_state(tmp_path, method):
    options = {"features": torch.arange(2.0 * N).view(N, 2)}
    selector, other = trained(build(method, **options)), build(method, **options)
    bs.save_state(selector, tmp_path / "state")
    bs.load_state(other, tmp_path / "state")
    assert_same(selector, other)
    assert list(other) == list(selector)[16:]


def test_windows_of_one_and_half_precision(tmp_path):
    for storage in (torch.bfloat16, torch.float64):
        selector, other = (build(bs.Uncertainty(window=1, storage=storage)) for _ in range(2))
        bs.save_state(trained(selector), tmp_path / "state")
        bs.load_state(other, tmp_path / "state")
        assert_same(selector, other)


def test_before_anything_is_observed(tmp_path):
    bs.save_state(build(), tmp_path / "state")
    other = trained(build())
    bs.load_state(other, tmp_path / "state")
    assert_same(build(), other)


def test_a_later_state_takes_the_place_of_an_earlier(tmp_path):
    bs.save_state(build(), tmp_path / "state")
    later = trained(build())
    bs.save_state(later, tmp_path / "state")
    other = build()
    bs.load_state(other, tmp_path / "state")
    assert_same(later, other)
    assert [one.name for one in tmp_path.iterdir()] == ["state"]


def test_between_two_renames_the_one_before_is_found(tmp_path):
    selector, other = trained(build()), build()
    bs.save_state(selector, tmp_path / "state")
    (tmp_path / "state").rename(tmp_path / "state.before")
    bs.load_state(other, tmp_path / "state")
    assert_same(selector, other)


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "draft.tex").touch()
    with pytest.raises(ValueError, match="holds no saved state"):
        bs.save_state(build(), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "draft.tex").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "common.pt").unlink(), "cannot be read as what save_state"),
        (lambda folder: (folder / "common.pt").write_bytes(b"PK"), "cannot be read as what save_state"),
        (lambda folder: (folder / "course.count_N").unlink(), "course.count_N is damaged: it has nothing, 320 are"),
        (lambda folder: (folder / "course.count_N").write_bytes(b"1"), "it has 1 bytes, 320 are needed"),
        (lambda folder: (folder / "course.count_N").write_bytes(b"\xff" * 320), "course: count_N: values must lie"),
        (lambda folder: rewritten(folder, "format", 7), "format 7, this batchsift reads 1"),
        (lambda folder: rewritten(folder, "state", 7), "damaged: it holds no state"),
        (lambda folder: rewritten(folder, "rows", {"../x": {"dtype": "int64", "shape": [1]}}), "is damaged"),
        (lambda folder: rewritten(folder, "rows", {"a.b": {"dtype": "complex64", "shape": [1]}}), "is damaged"),
        (lambda folder: rewritten(folder, "rows", {"a": {"dtype": "int64", "shape": [-1]}}), "is damaged"),
        (lambda folder: rewritten(folder, "rows", {}), "does not hold"),
    ],
)
def test_a_damaged_folder_is_refused_and_changes_nothing(tmp_path, damage, message):
    bs.save_state(trained(build()), tmp_path / "state")
    damage(tmp_path / "state")
    selector = build()
    with pytest.raises(ValueError, match=message):
        bs.load_state(selector, tmp_path / "state")
    assert_same(selector, build())


def rewritten(folder, key, value):
    content = torch.load(folder / "common.pt", weights_only=True)
    torch.save({**content, key: value}, folder / "common.pt")
