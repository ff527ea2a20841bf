"""What a machine is: hardware profiles and their lowering to plain numbers."""
