"""Speed, as medians and ratios within one run. Never part of the tests."""
