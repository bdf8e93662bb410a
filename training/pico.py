"""Make pico-1 from photos and the generated world: `python -m training.pico --minutes N --out DIR`."""

import argparse
import pathlib

import torch

from encoders.address import load
from training.export import write_folder
from training.fit_found import fit, heldout_items, write
from training.photos import default_images
from training.recipe import train_towers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="wall-clock length of the training itself")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the model folder to write")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(".framebus/training"), help="where checkpoints go")
    parser.add_argument("--images", type=pathlib.Path, default=default_images(), help="the folder of labelled photos")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="what learns")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    checkpoint = train_towers(arguments.images, arguments.work, arguments.minutes * 60, torch.device(arguments.device))
    write_folder(checkpoint, arguments.images, arguments.out)
    write(arguments.out / "encoder.json", *fit(load(str(arguments.out), threads=1), heldout_items(arguments.images)))


if __name__ == "__main__":
    main()
