"""State of a run on disk: parts of at most 15 MiB and a manifest with their SHA-256, so that it can be carried in pieces.

A checkpoint is complete or absent: it is written beside the old one and takes its place by a rename.
"""
import hashlib
import io
import json
import pathlib
import shutil

import torch

PART = 15 << 20


def save(folder, state):
    """Writes any nest of dicts, lists, numbers, strings and tensors. Returns the number of bytes."""
    folder = pathlib.Path(folder)
    new, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    parts = []
    for i in range(0, len(data), PART):
        piece = data[i : i + PART]
        name = f"state.{len(parts):02d}"
        (new / name).write_bytes(piece)
        parts.append({"name": name, "bytes": len(piece), "sha256": hashlib.sha256(piece).hexdigest()})
    (new / "manifest.json").write_text(json.dumps({"bytes": len(data), "parts": parts}, indent=1) + "\n")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return len(data)


def load(folder, device="cpu"):
    """Reads what save wrote; a missing or damaged part is an error that names it."""
    folder = pathlib.Path(folder)
    if not (folder / "manifest.json").exists():  # a save was cut off between its two renames
        folder = folder.with_name(folder.name + ".old")
    manifest = json.loads((folder / "manifest.json").read_text())
    data = bytearray()
    for part in manifest["parts"]:
        piece = (folder / part["name"]).read_bytes()
        if hashlib.sha256(piece).hexdigest() != part["sha256"]:
            raise ValueError(f"{folder / part['name']} is damaged: its SHA-256 is not the manifest's; copy it again")
        data += piece
    return torch.load(io.BytesIO(data), map_location=device, weights_only=True)


def exists(folder):
    folder = pathlib.Path(folder)
    return any((f / "manifest.json").exists() for f in (folder, folder.with_name(folder.name + ".old")))
