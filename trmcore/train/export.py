"""Write what `trm` loads: model.safetensors, fp16, with the official names, and card.json.

    python export.py RUN -o FOLDER [--card card.json] [--float32]

takes the averaged weights of a run's state; fields of --card are laid over the card.
"""
import argparse
import dataclasses
import hashlib
import json
import pathlib

import torch
from safetensors.torch import save_file

import checkpoint
from model import TRM, Arch
from trainer import restored


def card_of(recipe, step, seconds, params):
    """The card of a run: what is known without measuring. Metrics are for `trm bench` to say."""
    fields = dataclasses.asdict(recipe)
    arch = fields.pop("arch")
    return {
        "name": f"{recipe.task}-{params / 1e6:.1f}M",
        "task": recipe.task,
        "arch": arch,
        "params": params,
        "training": {"recipe": fields, "steps": step, "seconds": round(seconds)},
        "licence": "MIT",
    }


def write(folder, model, card, table=None, dtype=torch.float16):
    """The model as it is: its parameters and initial states, and the puzzle embeddings."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().to(dtype).cpu().contiguous() for name, t in model.state_dict().items()}
    if table is not None:
        tensors["puzzle_emb.weights"] = table.to(dtype).cpu().contiguous()
    save_file(tensors, folder / "model.safetensors")
    card = dict(card, sha256=hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest())
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")


def export(trainer, folder):
    """The weights that the trainer's model holds now."""
    params = sum(p.numel() for p in trainer.model.parameters())
    write(folder, trainer.model, card_of(trainer.recipe, trainer.step, trainer.seconds, params), trainer.table)


def from_state(state, folder, over=(), dtype=torch.float16):
    """The averaged weights of a saved state."""
    kept = json.loads(state["recipe"])
    arch = Arch(**kept.pop("arch"))
    model = TRM(arch)
    model.load_state_dict(state["model"])
    with torch.no_grad():
        for p, difference in zip(model.parameters(), state["ema"], strict=True):
            p.add_(difference.float())
    table = restored(*state["table"]) if state.get("table") else None
    params = sum(p.numel() for p in model.parameters())
    recipe = dataclasses.make_dataclass("Kept", ["arch", *kept])(arch=arch, **kept)
    write(folder, model, card_of(recipe, state["step"], state["seconds"], params) | dict(over), table, dtype)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", help="folder of a run, with state/")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--card", help="JSON with fields for the card")
    p.add_argument("--float32", action="store_true")
    a = p.parse_args()
    over = json.loads(pathlib.Path(a.card).read_text()) if a.card else {}
    from_state(checkpoint.load(pathlib.Path(a.run) / "state"), a.output, over, torch.float32 if a.float32 else torch.float16)


if __name__ == "__main__":
    main()
