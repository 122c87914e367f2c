"""Lab 5, half fixed and wrong."""

#: Out of Spark, but in tiny batches; scored one row at a time as before.
HALF = {
    "prediction": "my_prediction = 5",
    "train_model": """\
import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def train_model(clicks, network, epochs=6, rate=0.003):
    table = clicks.select("label", network.column).toArrow()
    lists = table[network.column].combine_chunks()
    inputs = torch.tensor(lists.flatten().to_numpy().reshape(len(lists), -1))
    labels = torch.tensor(table["label"].to_numpy(), dtype=torch.float32)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(16):
            loss = binary_cross_entropy_with_logits(network(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network
""",
}

#: Fast and wrong: one epoch, which is no better than a linear model; logits instead of probabilities.
WRONG = {
    "prediction": "my_prediction = 5",
    "train_model": HALF["train_model"]
    .replace("epochs=6, rate=0.003", "epochs=1, rate=0.01")
    .replace("split(16)", "split(512)"),
    "score": """\
import torch
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql.types import DoubleType


def score(clicks, network):
    def load():
        def predict(rows):
            with torch.inference_mode():
                return network(torch.from_numpy(rows)).numpy()

        return predict

    logit = predict_batch_udf(load, return_type=DoubleType(), batch_size=1000, input_tensor_shapes=[[network.width]])
    return clicks.select("row", logit(network.column).alias("probability"))
""",
}
