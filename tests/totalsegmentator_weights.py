"""Tiny weights of nnU-Net, made by the real package: each voxel gets the class whose CT number is nearest.

Run as a program inside the folder of the optional package; ``tests.tiny_totalsegmentator`` starts it.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
IMPOSSIBLE = -100.0
HU_UNIT = 1000.0  # nnU-Net sums logits in half precision: they stay small


def architecture() -> dict:
    one, half = [1, 1, 1], [2, 2, 2]
    return {
        "network_class_name": UNET,
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [2, 2],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [one, one],
            "strides": [one, half],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": None,
            "norm_op_kwargs": None,
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def plans(dataset: str, spacing_mm: float) -> dict:
    patch, spacing = [48, 48, 48], [spacing_mm] * 3
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": "tiny",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 1,
        "patch_size": patch,
        "median_image_size_in_voxels": patch,
        "spacing": spacing,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True},
        "resampling_fn_probabilities_kwargs": resampling,
        "architecture": architecture(),
        "batch_dice": False,
    }
    intensities = {"mean": 0.0, "std": HU_UNIT, "percentile_00_5": -1024.0, "percentile_99_5": 3000.0}
    return {
        "dataset_name": dataset,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": spacing,
        "original_median_shape_after_transp": patch,
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }


def weights(n_classes: int, hu_of: dict[int, float]) -> dict:
    """Features are the CT number and its negative, so that LeakyReLU loses nothing; logits 2 c x - c² do the rest."""
    torch = import_module("torch")
    build = import_module("nnunetv2.utilities.get_network_from_plans").get_network_from_plans
    plan = architecture()
    net = build(
        plan["network_class_name"], plan["arch_kwargs"], plan["_kw_requires_import"], 1, n_classes,
        allow_init=False, deep_supervision=False,
    )  # fmt: skip
    both = torch.tensor([1.0, -1.0])
    state = {name: torch.zeros_like(value) for name, value in net.state_dict().items()}
    for name, value in state.items():
        if name.endswith("weight") and name.startswith("encoder.stages.0"):
            value[:, 0, 0, 0, 0] = both
        if name.endswith("weight") and name.startswith("decoder.stages.0"):
            value[:, :, 0, 0, 0] = torch.outer(both, torch.cat([torch.zeros(2), both]))
    head, bias = (
        next(value for name, value in state.items() if name.startswith("decoder.seg_layers") and name.endswith(end))
        for end in ("weight", "bias")
    )
    head[0, :, 0, 0, 0] = both
    for name, value in state.items():  # the decoder holds the encoder a second time
        if name.startswith("decoder.encoder."):
            value.copy_(state[name.removeprefix("decoder.")])
    net.load_state_dict(state)
    with torch.no_grad():
        gain = float(net.eval()(torch.ones(1, 1, 4, 4, 4))[0, 0, 0, 0, 0])
    bias.fill_(IMPOSSIBLE)
    head.zero_()
    for index, hu in hu_of.items():
        head[index, :, 0, 0, 0] = both * 2.0 * hu / HU_UNIT / gain
        bias[index] = -((hu / HU_UNIT) ** 2)
    return state


def main(folder: Path, *, dataset: str, trainer: str, spacing_mm: float, part: str, hu: dict[str, float]) -> None:
    """Write one data set; ``hu`` gives the CT number of each class that is ever drawn; background has 0."""
    maps = import_module("totalsegmentator.map_to_binary")
    classes = maps.class_map["total"] if part == "total" else maps.class_map_5_parts[part]
    place = folder / dataset / f"{trainer}__nnUNetPlans__3d_fullres"
    (place / "fold_0").mkdir(parents=True)
    labels = {"background": 0, **{name: index for index, name in classes.items()}}
    described = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz", "numTraining": 1}
    (place / "dataset.json").write_text(json.dumps(described))
    (place / "plans.json").write_text(json.dumps(plans(dataset, spacing_mm)))
    hu_of = {labels[name]: value for name, value in {"background": 0.0, **hu}.items() if name in labels}
    checkpoint = {
        "network_weights": weights(len(labels), hu_of),
        "trainer_name": trainer,
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": None,
    }
    import_module("torch").save(checkpoint, place / "fold_0" / "checkpoint_final.pth")


if __name__ == "__main__":
    for given in json.loads(sys.argv[2]):
        main(Path(sys.argv[1]), **given)
