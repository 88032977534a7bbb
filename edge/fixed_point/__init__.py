"""Networks in fixed point: integer weights and binary points, one function for numbers and for logic."""
