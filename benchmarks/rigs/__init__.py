"""What several benchmarks share: servers, venues, histories, floors and peers."""
