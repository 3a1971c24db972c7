import pytest

from batchsift.data import ImageData
from batchsift.data.images import ImageFiles, PictureError, check_images


@pytest.fixture
def data(picture, noise, tmp_path):
    names = [f"{number:02}.jpg" for number in range(70)]
    for name in names:
        picture(name)
    noise(0).save(tmp_path / "40.jpg")
    return ImageData(ImageFiles.of(tmp_path, names), [[1, 0]] * 69 + [[0, 1]], ("a", "b"), "set")


def test_all_is_well(data):
    assert check_images(data) is data


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_broken_pictures_are_named_or_left_out(data, tmp_path, threads):
    (tmp_path / "03.jpg").write_bytes(b"no picture")
    (tmp_path / "40.jpg").write_bytes((tmp_path / "40.jpg").read_bytes()[:-200])
    (tmp_path / "68.jpg").unlink()
    with pytest.raises(
        PictureError, match=r"(?s)3 of 70 pictures cannot.*03\.jpg: .*40\.jpg: .*68\.jpg: .*broken='skip'"
    ):
        check_images(data, threads=threads)
    with pytest.warns(UserWarning, match=r"3 of 70 pictures cannot be decoded.*; left out"):
        kept = check_images(data, broken="skip", threads=threads)
    assert kept.num_samples == 67
    left = {kept.pictures.name_of(row)[-6:-4] for row in range(67)}
    assert left.isdisjoint({"03", "40", "68"})
    assert kept.labels[-1].tolist() == [0, 1]


def test_nothing_left(data, tmp_path):
    for file in tmp_path.glob("*.jpg"):
        file.unlink()
    with pytest.raises(ValueError, match=r"70 of 70 pictures cannot be decoded.*; no picture is left"):
        check_images(data, broken="skip")


def test_options(data):
    with pytest.raises(ValueError, match="broken='drop'; expected one of 'error', 'skip'"):
        check_images(data, broken="drop")
    with pytest.raises(ValueError, match="threads is 0"):
        check_images(data, threads=0)
