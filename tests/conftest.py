"""What holds for every test: a whole run can record its result (see `record_results`)."""

pytest_plugins = ["tests.record_results"]
