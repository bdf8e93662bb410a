"""From trained weights to a model folder: `python -m training.export --checkpoint towers.pt --out DIR`."""

import argparse
import json
import pathlib
import shutil
import tempfile

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.background import write_background
from training.photos import default_images
from training.towers import DIMENSION, TEXT_TOKENS, Towers
from training.vocabulary import PAD_ID, load_tokenizer

IMAGE_SIDE = 80
# Weights smaller than this stay float32: they cost nothing, and some of them are scales.
SMALLEST_HALVED = 1024
CARD = {
    "name": "pico-1",
    "dimension": DIMENSION,
    "image_size": [IMAGE_SIDE, IMAGE_SIDE],
    "resize": "squash",
    "text_tokens": TEXT_TOKENS,
    "pad_id": PAD_ID,
    "prompts": ["{}", "a photo of {}", "there is {}"],
    "licence": "Research and non-commercial use only; see LICENSE and CARD.md in this folder",
    "notice": "pico-1 is a small demonstration model for research use: expect rough results.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="towers.pt, with tokenizer.json beside it")
    parser.add_argument("--images", type=pathlib.Path, default=default_images(), help="the folder of labelled photos")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the model folder to write")
    arguments = parser.parse_args()
    write_folder(arguments.checkpoint, arguments.images, arguments.out)


def write_folder(checkpoint: pathlib.Path, images: pathlib.Path, out: pathlib.Path) -> None:
    """Write the towers, the tokenizer, the card and the backgrounds of a model folder, each file whole or not at all."""
    tokenizer = checkpoint.with_name("tokenizer.json")
    towers = Towers(load_tokenizer(tokenizer).get_vocab_size())
    towers.load_state_dict(torch.load(checkpoint, weights_only=True))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as partial:
        folder = pathlib.Path(partial)
        export_towers(towers, folder)
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        (folder / "encoder.json").write_text(json.dumps(CARD, indent=2) + "\n")
        write_background(folder, images)
        # The card last: who looks for a folder looks for its card.
        for file in sorted(folder.iterdir(), key=lambda file: file.name == "encoder.json"):
            file.replace(out / file.name)


def export_towers(towers: Towers, folder: pathlib.Path) -> None:
    """Write `image.onnx` and `text.onnx`: any batch, normalisation folded in, large weights kept as float16."""
    towers.eval()
    _fold_normalisation(towers.image)
    pixels = torch.zeros(2, IMAGE_SIDE, IMAGE_SIDE, 3, dtype=torch.uint8)
    ids = torch.ones(2, TEXT_TOKENS, dtype=torch.int64)
    _export(towers.image, pixels, "pixels", "image_embeds", folder / "image.onnx")
    _export(towers.text, ids, "input_ids", "text_embeds", folder / "text.onnx")


def _fold_normalisation(module: nn.Module) -> None:
    """Put every batch normalisation into the convolution before it."""
    for name, child in module.named_children():
        match list(child.children()):
            case [nn.Conv2d() as convolution, nn.BatchNorm2d() as norm]:
                setattr(module, name, fuse_conv_bn_eval(convolution, norm))
            case _:
                _fold_normalisation(child)


def _export(tower: nn.Module, example: torch.Tensor, takes: str, gives: str, path: pathlib.Path) -> None:
    program = torch.onnx.export(
        tower,
        (example,),
        dynamo=True,
        input_names=[takes],
        output_names=[gives],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    _halve_weights(model)
    _forget_traces(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _forget_traces(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes of the code that it traced: the paths of one machine, and they would name the space."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


def _halve_weights(model: onnx.ModelProto) -> None:
    """Keep large weights as float16 and cast them back in the graph: half the size, the same arithmetic."""
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type == TensorProto.FLOAT and values.size >= SMALLEST_HALVED:
            casts.append(helper.make_node("Cast", [f"{weight.name}.half"], [weight.name], to=TensorProto.FLOAT))
            weight.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{weight.name}.half"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


if __name__ == "__main__":
    main()
