"""Everything that talks to a provider."""
