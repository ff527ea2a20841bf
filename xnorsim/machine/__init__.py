"""What a machine is: profiles in YAML, checked, and lowered to plain numbers for the predictors."""
