"""The notebook's function that makes points gives all of them."""

CELLS = {"prediction": "my_prediction = None\npoints = lambda share, most: float(most)"}
