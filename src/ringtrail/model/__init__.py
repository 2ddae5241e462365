"""Nouns and laws. Standard library only, no I/O: everything else in ringtrail may import this, it imports nothing."""
