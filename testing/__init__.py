"""What tests, benchmarks, tools and deploy share: small installations, providers and servers."""
