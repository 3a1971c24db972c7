"""Data sets of pictures: labels in memory, pictures where they lie until one is asked for.

| file | what it holds |
| --- | --- |
| `dataset` | `ImageData`, labels and where the pictures are |
| `parts` | the words for training, validation and test samples |
| `pictures` | files of a folder, cells of a Hugging Face column, arrays |
| `folder` | what lies in a folder, and which reader it is for |
| `tables`, `coco`, `voc`, `label_folders`, `hub` | one reader for each form that labels of pictures come in |
| `locating` | files that labels speak of, found without being opened |
| `decoding` | a file's content to an upright RGB picture, or one clear error |
| `transforms` | random crops and flips for training, a centered square for evaluation |
| `samples` | `ImageDataset`: pictures and labels as tensors, for a `DataLoader` |
| `checking` | all pictures decoded once, before a training |
| `describe`, `contact_sheet` | what a data set is like, and a picture of it |

Reading labels needs no Pillow; decoding does: `pip install 'batchsift[images]'`.

Shape suffixes of this room: N samples, L labels, H height, W width.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.pictures import ImageArrays, ImageColumn, ImageFiles, PictureError, Pictures

if TYPE_CHECKING:
    from batchsift.data.images.checking import check_images
    from batchsift.data.images.coco import read_coco
    from batchsift.data.images.contact_sheet import contact_sheet
    from batchsift.data.images.describe import ImageDescription, describe_images
    from batchsift.data.images.hub import images_from_hf
    from batchsift.data.images.label_folders import read_label_folders
    from batchsift.data.images.samples import ImageDataset
    from batchsift.data.images.tables import read_image_table
    from batchsift.data.images.transforms import EvaluationTransform, TrainTransform
    from batchsift.data.images.voc import read_voc

__all__ = [
    "EvaluationTransform",
    "ImageArrays",
    "ImageColumn",
    "ImageData",
    "ImageDataset",
    "ImageDescription",
    "ImageFiles",
    "PictureError",
    "Pictures",
    "TrainTransform",
    "check_images",
    "contact_sheet",
    "describe_images",
    "images_from_hf",
    "read_coco",
    "read_image_table",
    "read_label_folders",
    "read_voc",
]

# These need Pillow, torch or pandas, which reading a COCO file or a folder does not.
_MODULES = {
    "EvaluationTransform": "transforms",
    "ImageDataset": "samples",
    "ImageDescription": "describe",
    "TrainTransform": "transforms",
    "check_images": "checking",
    "contact_sheet": "contact_sheet",
    "describe_images": "describe",
    "images_from_hf": "hub",
    "read_coco": "coco",
    "read_image_table": "tables",
    "read_label_folders": "label_folders",
    "read_voc": "voc",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Kept, since importing a module called like its function puts the module in the function's place.
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
