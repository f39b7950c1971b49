"""Carry a decision out: intent, order and outcome in the order of writes, and exits until their lot is gone."""
