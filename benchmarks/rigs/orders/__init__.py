"""What `benchmarks.order_path` starts and offers: buyers of trees, signals, a venue that only records."""
