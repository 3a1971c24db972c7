"""Pictures of every kind that Pillow writes, and of every kind of damage."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image

from batchsift.data.images import PictureError
from batchsift.data.images.decoding import decode


def decoded(path, **options):
    return decode(str(path), str(path), **options)


def corners(image):
    pixels = np.asarray(image)
    return pixels[0, 0].tolist(), pixels[-1, -1].tolist()


def test_a_plain_picture(picture):
    image = decoded(picture("a.png"))
    assert image.mode == "RGB"
    assert image.size == (40, 30)
    assert corners(image) == ([200, 30, 60], [200, 30, 60])


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 77, 77),
        ("1", 1, 255),
        ("LA", (77, 255), 77),
        ("LA", (77, 0), 255),
        ("RGBA", (10, 10, 10, 0), 255),
        ("RGBA", (0, 0, 0, 128), 127),
        ("I;16", 65535, 255),
        ("I;16", 32768, 128),
        ("I;16", 255, 0),
    ],
)
def test_png_of_other_modes(picture, mode, color, expected):
    image = decoded(picture("a.png", color, mode=mode))
    assert image.mode == "RGB"
    assert corners(image) == ([expected] * 3, [expected] * 3)


def test_palettes_with_and_without_a_transparent_color(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.save(tmp_path / "a.png")
    assert corners(decoded(tmp_path / "a.png"))[0] == [9, 8, 7]
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "b.gif", transparency=0)
    assert corners(decoded(tmp_path / "b.gif")) == ([255, 255, 255], [9, 8, 7])
    image.save(tmp_path / "c.png", transparency=bytes([0, 255]))
    assert corners(decoded(tmp_path / "c.png")) == ([255, 255, 255], [9, 8, 7])


def test_a_transparent_color_of_rgb(tmp_path):
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert corners(decoded(tmp_path / "a.png"))[0] == [255, 255, 255]


def test_cmyk(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    first, _ = corners(decoded(tmp_path / "a.jpg"))
    assert first[0] > 240
    assert max(first[1:]) < 15


@pytest.mark.parametrize("mode", ["I", "F"])
def test_values_that_have_no_one_way_to_eight_bits_are_refused(tmp_path, mode):
    Image.new(mode, (4, 4), 7).save(tmp_path / "a.tif")
    with pytest.raises(PictureError, match=rf"a\.tif: the mode {mode} has no one way to 8-bit RGB"):
        decoded(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, orientation):
    upright = Image.new("RGB", (48, 32), "white")
    upright.paste("red", (0, 0, 24, 16))  # the upper left quarter
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    for size in (None, 8):
        image = np.asarray(decoded(tmp_path / "a.jpg", size=size)).astype(int)
        height, width, _ = image.shape
        assert width > height
        assert image[height // 4, width // 4, 1] < 60
        assert image[3 * height // 4, width // 4, 1] > 200
        assert image[height // 4, 3 * width // 4, 1] > 200


def test_a_jpeg_is_decoded_at_a_fraction_that_is_large_enough(picture):
    path = picture("a.jpg", size=(400, 300))
    assert decoded(path, size=100).size == (200, 150)
    assert decoded(path, size=75).size == (100, 75)
    assert decoded(path, size=301).size == (400, 300)
    assert decoded(path).size == (400, 300)


def test_the_first_picture_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert corners(decoded(tmp_path / "a.gif"))[0] == [255, 0, 0]


def test_arrays_and_files_in_memory():
    assert corners(decode(np.full((2, 3), 9, dtype=np.uint8), "a"))[0] == [9, 9, 9]
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (1, 2, 3)).save(file, "PNG")
    assert corners(decode(io.BytesIO(file.getvalue()), "a"))[0] == [1, 2, 3]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.bmp", "a.tif"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_is_cut_short_is_named(tmp_path, noise, name, share):
    path = tmp_path / name
    noise(0).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PictureError, match=rf"{name}: "):
        decoded(path)
    if name == "a.jpg":
        with pytest.raises(PictureError, match=rf"{name}: "):
            decoded(path, size=1)


def test_damage_in_the_middle_of_a_png_is_named(tmp_path, noise):
    path = tmp_path / "a.png"
    noise(0).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(PictureError, match=r"a\.png: the picture is damaged"):
        decoded(path)


def test_a_wrong_head_is_named_with_how_it_begins(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"<!DOCTYPE html><html>not found</html>")
    with pytest.raises(PictureError, match=r"a\.jpg: this is no picture that Pillow knows; it begins with b'<!DOCTYP'"):
        decoded(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"x: this is no picture .* begins with b'nothing'"):
        decode(io.BytesIO(b"nothing"), "x")
    (tmp_path / "b.jpg").touch()
    with pytest.raises(PictureError, match=r"b\.jpg: this is no picture that Pillow knows; it is empty"):
        decoded(tmp_path / "b.jpg")


def test_another_format_than_the_name_says_is_no_mistake(picture):
    path = picture("a.png")
    path.rename(path.with_suffix(".jpg"))
    assert decoded(path.with_suffix(".jpg")).size == (40, 30)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(PictureError, match=r"a\.jpg: there is no such file"):
        decoded(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").mkdir()
    with pytest.raises(PictureError, match=r"b\.jpg: "):
        decoded(tmp_path / "b.jpg")


def test_a_decompression_bomb_is_named(picture, monkeypatch):
    path = picture("a.png", size=(100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    with pytest.raises(PictureError, match=r"a\.png: a decompression bomb\? .*MAX_IMAGE_PIXELS"):
        decoded(path)


def test_the_error_comes_out_of_a_worker_as_it_is():
    assert str(pickle.loads(pickle.dumps(PictureError("a.jpg: broken")))) == "a.jpg: broken"
