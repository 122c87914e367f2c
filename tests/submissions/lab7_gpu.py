"""Lab 7, half fixed and wrong."""

#: No row is touched alone, but the batches are as small as before, and each step waits for its loss.
HALF = {
    "prediction": "my_prediction = 3",
    "train_epoch": """\
import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def train_epoch(network, rows, labels, place):
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    total = 0.0
    for start in range(0, len(rows), 32):
        inputs, wanted = rows[start : start + 32].to(place), labels[start : start + 32].to(place)
        loss = binary_cross_entropy_with_logits(network(inputs), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    return total / len(rows)
""",
}

#: Fast and wrong: batches so large that too few steps are left; weights of 16 bits.
WRONG = {
    "prediction": "my_prediction = 3",
    "train_epoch": """\
import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def train_epoch(network, rows, labels, place):
    optimizer = torch.optim.Adam(network.parameters(), lr=0.008, fused=True)
    total = torch.zeros(())
    for inputs, wanted in zip(rows.split(8192), labels.split(8192)):
        loss = binary_cross_entropy_with_logits(network(inputs.to(place)), wanted.to(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach().cpu() * len(inputs)
    return total.item() / len(rows)
""",
    "half_step": """\
from torch.nn.functional import binary_cross_entropy_with_logits


def half_step(network, optimizer, inputs, wanted):
    network.bfloat16()
    loss = binary_cross_entropy_with_logits(network(inputs.bfloat16()).float(), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()
""",
}
