"""Play Amazon ECS: rollouts that advance at each look, as the real ones tell of themselves."""
