"""Files of sweeps, found by what they hold: fetched where a machine lacks one, and kept in a folder with a cap."""
