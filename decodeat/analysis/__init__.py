"""What a label says, derived from text alone: pure arithmetic and rules, and the order of work around them."""
