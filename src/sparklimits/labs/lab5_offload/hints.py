"""Lab 5's hints."""

from __future__ import annotations

HINTS = {
    "train_model": (
        """\
How many Spark jobs does one step of training need when the rows are no longer in Spark? How often do they have
to leave it?""",
        """\
The cells before this part have `toArrow` and the matrix. `torch.randperm(n).split(300)` gives the rows' numbers
in random order, 300 at a time. The loss is `binary_cross_entropy_with_logits` (from `torch.nn.functional`); it
takes logits, and labels as float32. A step has three calls: `zero_grad` and `step` of the optimiser, and
`backward` of the loss between them. After one or two epochs the network is no better than a linear model: give
it about six.""",
        """\
A straight line through a thousand made-up prices:

```python
sizes, prices = torch.rand(1000, 3), torch.rand(1000)
line = torch.nn.Linear(3, 1)
descent = torch.optim.SGD(line.parameters(), lr=0.1)
for _ in range(5):
    for chosen in torch.randperm(1000).split(50):
        descent.zero_grad()
        torch.nn.functional.mse_loss(line(sizes[chosen]).flatten(), prices[chosen]).backward()
        descent.step()
```""",
    ),
    "score": (
        "What happens once for each row in the naive way, and once for each thousand rows would do?",
        """\
The documentation of `pyspark.ml.functions.predict_batch_udf` has examples; `input_tensor_shapes` says how wide
a row is (`network.width`). Inside the function that predicts: `torch.from_numpy`, the network, `torch.sigmoid`,
`.numpy()`, all in `torch.inference_mode()`. Two things are set once: `torch.set_num_threads`, to 1, so that the
executors stay out of each other's way, and `network.cpu()`, because a network that was trained on a GPU must
come back first.""",
        """\
The distance of each place from a fixed point, 500 places in one call:

```python
def load():
    centre = np.array([0.2, 0.7])

    def distances(places):
        return np.linalg.norm(places - centre, axis=1)

    return distances

distance = predict_batch_udf(load, return_type=FloatType(), batch_size=500, input_tensor_shapes=[[2]])
far = places.select("name", distance("position").alias("distance")).where("distance > 1")
```""",
    ),
}
