"""Follow live orders until their trades are confirmed or failed, and post what they came to."""
