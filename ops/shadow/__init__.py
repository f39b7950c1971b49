"""Shadow policies: other settings beside the real buyer, on the live stream and on paper, and what they brought."""
