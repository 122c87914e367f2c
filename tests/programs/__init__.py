"""Programs that tests run elsewhere: in the lab's container and in those of the workers."""
