"""Attack a live buyer at the local venue, with each protection and without it; the venue's record tells the loss."""
