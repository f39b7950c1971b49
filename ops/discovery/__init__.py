"""Find leaders: wallets of the venue's boards, each judged by the report on copyability, as a ranked table."""
