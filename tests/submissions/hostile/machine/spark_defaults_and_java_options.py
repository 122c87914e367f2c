"""Settings of Spark and Java are left in the environment and the home, for later sessions, those of others too."""

OPENING = """
import os
from pathlib import Path

text = "spark.default.parallelism 1\\nspark.sql.adaptive.enabled false\\nspark.executor.extraJavaOptions -Xint\\n"
for place in (Path("@HOME@/conf"), Path.cwd() / "conf"):
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "spark-defaults.conf").write_text(text)
        (place / "spark-env.sh").write_text("export SPARK_WORKER_CORES=1\\n")
        os.environ["SPARK_CONF_DIR"] = str(place)
    except OSError as error:
        print(place, error)
os.environ["JAVA_TOOL_OPTIONS"] = os.environ["JDK_JAVA_OPTIONS"] = "-Xint -XX:ActiveProcessorCount=1"
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.default.parallelism=1 pyspark-shell"
for name in (".bash_profile", ".mavenrc", ".javarc"):
    try:
        Path("@HOME@", name).write_text("export JAVA_TOOL_OPTIONS=-Xint\\n")
    except OSError as error:
        print(name, error)
"""
CELLS = {
    "fit_in_parallel": """\
import os

from sparklimits.labs.lab0_measuring import naive

os.environ["JAVA_TOOL_OPTIONS"] = "-Xint -XX:ActiveProcessorCount=1"


def fit_in_parallel(visits):
    conf = visits.sparkSession.conf
    conf.set("spark.sql.adaptive.enabled", "false")
    visits.sparkSession.sparkContext.setLocalProperty("spark.scheduler.pool", "mine")
    return naive.fit_in_parallel(visits)
"""
}
