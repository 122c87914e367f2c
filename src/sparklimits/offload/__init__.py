"""What trains outside of Spark: networks for clicks in PyTorch. Nothing here imports Spark."""
