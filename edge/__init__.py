"""What a device accepts, how to make it, and what runs there."""
