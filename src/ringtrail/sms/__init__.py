"""What carries messages: one folder a transport."""
