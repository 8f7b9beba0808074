"""Run TotalSegmentator on one image: started as a program by ``totalsegmentator_process``, never imported.

Everything is imported inside ``main``, for nnU-Net starts this file again in each of its own processes.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

TRAINERS = (
    "nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring:nnUNetTrainerNoMirroring",
    "nnunetv2.training.nnUNetTrainer.variants.training_length.nnUNetTrainer_Xepochs_NoMirroring:"
    "nnUNetTrainer_4000epochs_NoMirroring",
)
"""The package looks for a trainer by importing all of them, one of which needs timm and with it torchvision."""


def main(*, image: Path, answer: Path, names: Path, is_fast: bool) -> None:
    """Write the labels of ``image`` to ``answer`` and what they mean to ``names``."""
    api = import_module("totalsegmentator.python_api")
    known = import_module("totalsegmentator.nnunet").custom_trainers
    for place in TRAINERS:
        module, name = place.split(":")
        known[name] = getattr(import_module(module), name)
    classes = import_module("totalsegmentator.map_to_binary").class_map["total"]
    names.write_text(json.dumps({name: index for index, name in classes.items()}))
    api.totalsegmentator(image, answer, ml=True, fast=is_fast, task="total", nr_thr_saving=1, device="gpu")


if __name__ == "__main__":
    main(image=Path(sys.argv[1]), answer=Path(sys.argv[2]), names=Path(sys.argv[3]), is_fast=sys.argv[4] == "fast")
