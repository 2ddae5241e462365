"""Benchmarks. They print ratios of two things measured in turn in the same run; none asserts on time."""
