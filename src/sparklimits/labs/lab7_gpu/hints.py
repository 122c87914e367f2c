"""Lab 7's hints."""

from __future__ import annotations

HINTS = {
    "train_epoch": (
        """\
How many operations does Python ask for before a single row has reached the network? Which line needs a number of
the device, and how often?""",
        """\
*The rows:* `rows.to(place)` once, then slices of it; `split` makes them without copying. *The batch:* step 3 shows
where more rows stop helping. Fewer steps must be longer ones: with eight times the rows in a batch, up to eight times
the rate. The test tells when the loss is no longer reached. *The loss:* add it up in a tensor on the device,
`detach`ed, and fetch it once after the loop. *The update:* `torch.optim.Adam` has an argument that makes it one
operation instead of some dozens.""",
        """\
The mean brightness of a film's frames, fetched once at the end:

```python
film = film.to("cuda")
bright = torch.zeros((), device="cuda")
for frames in film.split(100):
    bright += frames.mean()
print(bright.item() / len(film.split(100)))
```""",
    ),
    "half_step": (
        """\
Which tensors may lose digits without harm, and which one has to remember a change of a thousandth?""",
        """\
`torch.autocast(device_type, torch.bfloat16)` around the call of the network and nothing else: it casts what goes into
matrix products, and leaves the weights as they are. A tensor knows its `device.type`. The loss is computed from
`logits.float()`. The backward pass uses the same number formats as the
forward pass; you need not do anything for it.""",
        """\
Which of a thousand images resembles a given one most, by a rough product:

```python
with torch.autocast("cuda", torch.bfloat16):
    likeness = images @ given
best = likeness.float().argmax()
```""",
    ),
}
