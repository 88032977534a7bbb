"""Update repositories: signed bundles as static files, which devices fetch and verify by The Update Framework (TUF)."""
