"""Everything in one process: a Pi beside the meter, a laptop, the demo."""
