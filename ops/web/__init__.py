"""The dashboard: pages of the running pipeline for a browser on this machine, and the hands that stop it."""
