"""The `mviper` program: one file a verb."""
