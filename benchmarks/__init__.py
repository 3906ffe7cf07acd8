"""What `mviper bench NAME` measures, one module a name: `FLAGS` it reads, `run()` gives settings and figures."""
