"""What happens in a made-up or captured world: traders, habits, market makers."""
