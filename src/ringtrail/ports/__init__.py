"""What the core asks of the outside, as Protocols. Implementations live in `engines/`."""
