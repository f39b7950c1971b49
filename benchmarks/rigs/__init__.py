"""Parts that several benchmarks share: servers, venues, histories, floors and peers."""
