"""What the kernel shows as a result is the attack's own."""

OPENING = """
shell = get_ipython()
publish = shell.displayhook.__class__.write_format_data
shell.displayhook.__class__.write_format_data = lambda self, data, *rest: publish(self, {"text/plain": "1.0"}, *rest)
"""
