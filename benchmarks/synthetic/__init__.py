"""News of invented companies with known crises, and rules to judge on it."""
