"""What runs on this machine: one file an implementation, and a table of them (`table.KERNELS`)."""
