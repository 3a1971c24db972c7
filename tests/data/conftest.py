import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def write_file(text, name="set.arff", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write_file
