"""What the learner has done, noted beyond the end of the kernel."""
