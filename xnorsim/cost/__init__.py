"""What a network costs on a machine: predictors, pure functions of arrays."""
