"""Lab 9, half fixed and wrong."""

#: Eight tasks, not sixteen.
HALF = {
    "prediction": "my_prediction = 2",
    "count_even": """\
def count_even(numbers):
    return numbers.repartition(6).where("id % 2 = 0").groupBy().count()
""",
}

#: Fast and wrong.
WRONG = {
    "prediction": "my_prediction = 2",
    "count_even": """\
def count_even(numbers):
    return numbers.limit(10).groupBy().count()
""",
}
