"""Pass uploads on to a real Segment-compatible host."""
