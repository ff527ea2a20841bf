"""What if: spaces of designs, and predictions over them."""
