"""Run the service on Amazon ECS with Fargate: a release is a revision of a task definition."""
