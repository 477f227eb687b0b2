"""The chapters as a learner has them: a copy of their own, blank at first, and its commands."""
