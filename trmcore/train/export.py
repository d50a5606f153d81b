"""Write what `trm` loads: model.safetensors, fp16, with the official names, and card.json.

    python export.py RUN -o FOLDER [--card card.json] [--float32] [--tasks challenges.json]

takes the averaged weights of a run's state; fields of --card are laid over the card. With --tasks only the embeddings of
these ARC tasks are kept, and their names in identifiers.json: a model that is to answer the 400 evaluation tasks has no
use for those it was taught with, and is 27 MB instead of 45.
"""
import argparse
import dataclasses
import hashlib
import json
import pathlib

import torch
from safetensors.torch import save_file

import arc
import checkpoint
from trainer import averaged_model


def card_of(recipe, step, seconds, params):
    """The card of a run: what is known without measuring. Metrics are for `trm bench` to say."""
    fields = dict(recipe)
    return {
        "name": f"{recipe['task']}-{params / 1e6:.1f}M",
        "task": recipe["task"],
        "arch": fields.pop("arch"),
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
    write(folder, trainer.model, card_of(dataclasses.asdict(trainer.recipe), trainer.step, trainer.seconds, params), trainer.table)


def only(names, table, tasks):
    """The identifiers of the tasks, after the blank one, and their rows of the table."""
    rows = [0] + [i for i, name in enumerate(names) if i and arc.parse_name(name)[0] in tasks]
    return [names[i] for i in rows], table[rows]


def from_state(state, folder, over=(), dtype=torch.float16, names=(), tasks=(), margin=0.0):
    """The averaged weights of a saved state. The halting logit is lowered by margin, so that the model believes itself
    only when it is that much surer."""
    model, table = averaged_model(state)
    with torch.no_grad():
        model.q_head.bias[0] -= margin
    if tasks:
        names, table = only(names, table, tasks)
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        (pathlib.Path(folder) / "identifiers.json").write_text(json.dumps(names))
    params = sum(p.numel() for p in model.parameters())
    card = card_of(json.loads(state["recipe"]), state["step"], state["seconds"], params)
    if margin:
        card["training"]["q_margin"] = margin
    write(folder, model, card | dict(over), table, dtype)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", help="folder of a run, with state/")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--card", help="JSON with fields for the card")
    p.add_argument("--float32", action="store_true")
    p.add_argument("--tasks", help="ARC: keep the embeddings of the tasks in this challenges.json only")
    p.add_argument("--q-margin", type=float, default=0, help="lower the halting logit by so much")
    a = p.parse_args()
    over = json.loads(pathlib.Path(a.card).read_text()) if a.card else {}
    run = pathlib.Path(a.run)
    names = json.loads((run / "identifiers.json").read_text()) if a.tasks else ()
    tasks = set(json.loads(pathlib.Path(a.tasks).read_text())) if a.tasks else ()
    from_state(checkpoint.load(run / "state"), a.output, over, torch.float32 if a.float32 else torch.float16, names, tasks, a.q_margin)


if __name__ == "__main__":
    main()
