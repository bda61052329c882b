"""Deploy to virtual machines over SSH: containers by Compose behind nginx, two colours and one rename."""
