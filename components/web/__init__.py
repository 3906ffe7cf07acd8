"""What our pages share: one HTML file each that needs nothing else, neither network nor server."""
